# syntax=docker/dockerfile:1
ARG PYTHON_VERSION=3.11
FROM python:${PYTHON_VERSION}-slim AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /app

FROM base AS build
ARG TARGETARCH
ARG WHEELS=/wheels
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    apt-get update && apt-get install --yes --no-install-recommends \
        build-essential git libpq-dev
COPY requirements.txt .
RUN --mount=type=cache,target=/root/.cache/pip \
    pip wheel --wheel-dir ${WHEELS} --requirement requirements.txt
COPY --chown=1000:1000 src/ src/
COPY pyproject.toml README.md ./
RUN pip wheel --wheel-dir ${WHEELS} --no-deps . && echo "built for ${TARGETARCH:-amd64}"

FROM base
LABEL org.opencontainers.image.title="app" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 1000 app && useradd --uid 1000 --gid app app
COPY --from=build /wheels /wheels
RUN pip install --no-index --find-links=/wheels app
ENV PORT=8080 \
    PATH="/app/bin:${PATH}"
USER app
EXPOSE ${PORT}/tcp
HEALTHCHECK --interval=30s --timeout=3s CMD curl --fail http://localhost:${PORT}/health
VOLUME /data
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]
