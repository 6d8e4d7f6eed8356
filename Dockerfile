# One image for every process of a cluster; compose.yaml says which one a container is.
FROM python:3.11-slim AS build
RUN python -m venv /venv
WORKDIR /fieldgraph
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.lock

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/fieldgraph fieldgraph \
    && install -d -o fieldgraph /var/lib/fieldgraph/uploads
COPY --from=build /venv /venv
WORKDIR /fieldgraph
COPY . .
RUN echo /fieldgraph > "$(/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/fieldgraph_checkout.pth"
USER fieldgraph
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FIELDGRAPH_DATA_FOLDER=/var/lib/fieldgraph \
    FIELDGRAPH_HOST=0.0.0.0 \
    FIELDGRAPH_LOG_JSON=true
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "fieldgraph.cli"]
CMD ["serve"]
