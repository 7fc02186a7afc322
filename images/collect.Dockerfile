# Gathers the Debian packages and wheels of a project in /collected: stagerun images collect takes them out of there.
# Nothing stands on this image, and it is removed at once.
ARG DEBIAN
FROM ${DEBIAN}
RUN --mount=type=bind,source=.site,target=/run/site --mount=type=bind,source=steps,target=/run/steps \
    --mount=type=bind,source=wanted,target=/run/wanted \
    sh /run/wanted/collect /run/wanted /collected
