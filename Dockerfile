FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    RISKCONSOLE_ENV=production \
    RISKCONSOLE_HOME=/var/lib/riskconsole

WORKDIR /srv/riskconsole
COPY requirements-run.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements-run.lock
COPY manage.py pyproject.toml LICENSE README.md ./
COPY riskconsole riskconsole
COPY portfolio portfolio
COPY oms oms
COPY breaker breaker
COPY templates templates

RUN useradd --system --home-dir /var/lib/riskconsole --create-home riskconsole \
    && chmod 700 /var/lib/riskconsole
USER riskconsole
VOLUME /var/lib/riskconsole
EXPOSE 8000
CMD ["daphne", "-b", "0.0.0.0", "-p", "8000", \
     "--websocket-max-message-size", "65536", "--websocket-max-frame-size", "65536", \
     "riskconsole.asgi:application"]
