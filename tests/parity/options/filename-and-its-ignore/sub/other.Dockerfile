# Another file name in a sub directory with an ignore file of its own, which beats the one of the context.
FROM busybox:latest
COPY . /all
RUN --mount=target=/m,source=sub ls
