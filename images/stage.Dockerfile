# A stage image: its parent, the in-container library and one stage. No step runs a program as long as
# sources change, so that a build is a copy.
ARG PARENT
FROM ${PARENT}
COPY entry.sh /entry.sh
COPY shared /app/shared
ARG STAGE
COPY stage /app/${STAGE}
WORKDIR /app/${STAGE}
ENV OUTPUT_DIR=/job PYTHONPATH=/app HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
ENTRYPOINT ["/entry.sh"]
CMD ["python3", "stage.py"]
