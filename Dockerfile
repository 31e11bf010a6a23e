FROM python:3.11-slim

# One BLAS thread a process: parallelism is the service's, and answers do not depend on the number of cores.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1

WORKDIR /srv

COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --no-cache-dir -r requirements.lock \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin adl \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/adl

COPY pyproject.toml ./
COPY solvers/ solvers/
COPY app/ app/
RUN pip install --no-deps --no-build-isolation --no-cache-dir . && rm -rf build ./*.egg-info

# Records, keys and idempotency keys, where no other ADL_DATABASE_URL is given.
ENV ADL_DATABASE_URL=sqlite:////var/lib/adl/adl.db
VOLUME /var/lib/adl

USER 10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]

# Others can reach the service in its container, so it does not start before there is a key:
#   docker volume create adl
#   docker run --rm -v adl:/var/lib/adl IMAGE adl keys create --name desk
#   docker run --stop-timeout 45 -v adl:/var/lib/adl -p 127.0.0.1:8000:8000 IMAGE
# or, where nothing but this machine can reach the published port, without keys: -e ADL_REQUIRE_KEYS=false
CMD ["adl", "serve", "--host", "0.0.0.0", "--port", "8000"]
