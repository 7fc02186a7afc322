# A stage image: its parent and one layer with the entry point, the in-container library and the stage.
# A Dockerfile cannot fill a build argument into CMD, so stagerun writes the stage's command, a list in JSON,
# and the name of the variant before it hands this file to the engine.
ARG PARENT
FROM ${PARENT} AS compiled
COPY root /root-of-stage
# Compiled here, because a container with a read-only root would compile anew at every start. All files get the time
# that the copied ones have, so that the same sources make the same files.
RUN if command -v python3 >/dev/null; then cd /root-of-stage \
    && python3 -m compileall -q --invalidation-mode unchecked-hash -p / app; fi \
    && find /root-of-stage -exec touch -h -d @0 {} +

FROM ${PARENT}
COPY --from=compiled /root-of-stage /
ENV STAGERUN_VARIANT=${VARIANT} OUTPUT_DIR=/job PYTHONPATH=/app HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENTRYPOINT ["/entry.sh"]
CMD ${COMMAND}
