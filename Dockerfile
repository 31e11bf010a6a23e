FROM python:3.11-slim

# One BLAS thread a process: parallelism is the service's, and answers do not depend on the number of cores.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    OMP_NUM_THREADS=1

WORKDIR /srv

COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --no-cache-dir -r requirements.lock \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin adl

COPY pyproject.toml ./
COPY solvers/ solvers/
COPY app/ app/

USER 10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]

CMD ["uvicorn", "--factory", "app.main:create_app", "--host", "0.0.0.0", "--port", "8000", "--timeout-graceful-shutdown", "30"]
