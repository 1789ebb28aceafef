# The engine with what it takes to run on PostgreSQL and Kafka, at the versions of requirements.lock.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY aggregates aggregates
COPY identity_engine identity_engine
COPY matchers matchers
COPY projections projections
RUN python -m venv /opt/identity-engine \
    && /opt/identity-engine/bin/pip install --no-cache-dir --constraint requirements.lock '.[kafka,postgres]'

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/identity-engine engine \
    && install --directory --owner engine --mode 0700 /var/lib/identity-engine /etc/identity-engine
COPY --from=build /opt/identity-engine /opt/identity-engine
ENV PATH=/opt/identity-engine/bin:$PATH \
    IDENTITY_ENGINE_LOG_FORMAT=json \
    IDENTITY_ENGINE_MASTER_KEY=/etc/identity-engine/master.key
USER engine
WORKDIR /var/lib/identity-engine
ENTRYPOINT ["identity-engine"]
