# syntax=docker/dockerfile:1
FROM python:3.11.14-slim-bookworm AS build
# With "requirements/runtime.txt requirements/meaning.txt" documents are found by what they mean, too.
ARG LOCKS=requirements/runtime.txt
WORKDIR /src
COPY requirements/ requirements/
# hadolint ignore=SC2086
RUN pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
    && python -m venv --without-pip /opt/sre-bot \
    && uv pip sync --no-cache --compile-bytecode --python /opt/sre-bot/bin/python --require-hashes $LOCKS
COPY LICENSE README.md pyproject.toml ./
COPY prompts/ prompts/
COPY sre_bot/ sre_bot/
# The build backend comes from the lock too.
RUN uv build --no-cache --wheel --build-constraints requirements/dev.txt --require-hashes --out-dir dist \
    && uv pip install --no-cache --compile-bytecode --python /opt/sre-bot/bin/python --no-deps dist/*.whl

FROM python:3.11.14-slim-bookworm
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/sre-bot --create-home --shell /usr/sbin/nologin sre-bot
COPY --from=build /opt/sre-bot /opt/sre-bot
ENV PATH=/opt/sre-bot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SRE_BOT_HTTP_PORT=8080 \
    SRE_BOT_STATE_DIR=/var/lib/sre-bot
USER 10001:10001
WORKDIR /var/lib/sre-bot
VOLUME /var/lib/sre-bot
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "\
import http.client, os, sys; \
door = http.client.HTTPConnection('127.0.0.1', int(os.environ['SRE_BOT_HTTP_PORT']), timeout=4); \
door.request('GET', '/healthz'); \
sys.exit(door.getresponse().status != 200)"]
ENTRYPOINT ["sre-bot"]
CMD ["serve"]
