# GradFlow in a container:
#
#   docker build -t gradflow .
#   docker run --rm -p 8501:8501 gradflow
#
# docs/deploy.md says more; compose.yaml has the limits that a shared server needs.
#
# Which PyTorch goes in is chosen by the build argument TORCH_INDEX, the address of one of
# PyTorch's own wheel indexes (PyTorch's "Get started" page lists them: one for the CPU, one for
# each CUDA version):
#
#   TORCH_INDEX not given   the default registry's build. It runs on the CPU, and on x86-64 it
#                           brings CUDA 13 along: several GB, works everywhere.
#   ... the CPU index       the CPU build: the small image.
#   ... a CUDA index        the build for that CUDA version.
#
#   docker build --build-arg TORCH_INDEX="$INDEX" -t gradflow .
#
# A GPU is used where the container is given one (docker run --gpus all ...) and PyTorch has CUDA.
#
# For builds that can be repeated, name the base by its digest:
#
#   docker build --build-arg BASE=python:3.11-slim@sha256:... -t gradflow .

ARG BASE=python:3.11-slim
FROM ${BASE}

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app
COPY requirements.lock requirements.txt ./

# Everything but PyTorch comes with hashes. An index of PyTorch's offers the same version with a
# label (2.13.0+cpu), which pip prefers.
RUN pip install --require-hashes -r requirements.lock
ARG TORCH_INDEX=""
RUN pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -r requirements.txt

# The code belongs to root: the app cannot change itself.
COPY . .
RUN useradd --create-home --uid 10001 gradflow
USER gradflow
# One run, so that what numba compiles lies ready in the user's home; on another kind of processor,
# under another user, or where the home is neither writable nor a volume, it is compiled anew at the
# start.
RUN python -c "import gradflow as gf; gf.run(gf.Experiment())"

EXPOSE 8501
# It follows STREAMLIT_SERVER_PORT and STREAMLIT_SERVER_BASE_URL_PATH, and costs 0.1 s of CPU. A start
# takes 5 s, 20 where numba compiles: within the start period Docker looks every 5 s by itself (before
# version 25 after each interval), and failures do not count.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "gradflow", "health"]
CMD ["python", "-m", "gradflow", "serve", "--host", "0.0.0.0"]
