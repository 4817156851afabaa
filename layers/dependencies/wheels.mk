# Installing wheels into a layer, for AWS Lambda's processor whatever this machine's is. Included by the layers' Makefiles.
#
# LAYER_DEPS=bundled installs them; LAYER_DEPS=host leaves the layer empty, for the local stack, whose functions run in
# this machine's environment. ARCH is Lambda's name of the processor: arm64 or x86_64.

LAYER_DEPS ?= bundled
ARCH ?= arm64
LAMBDA_PYTHON ?= 3.13

layers := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))..
repository := $(abspath $(layers)/..)
PYTHON ?= $(firstword $(wildcard $(repository)/.venv/bin/python) python3)

processor_arm64 := aarch64
processor_x86_64 := x86_64
processor := $(processor_$(ARCH))

ifeq ($(filter $(LAYER_DEPS),bundled host),)
$(error LAYER_DEPS is bundled or host, not '$(LAYER_DEPS)')
endif
ifeq ($(processor),)
$(error ARCH is arm64 or x86_64, not '$(ARCH)')
endif

# A layer without files is refused, hence the marker.
define empty_layer
mkdir -p "$(ARTIFACTS_DIR)/python"
echo "The packages of this layer are those of the host." > "$(ARTIFACTS_DIR)/python/HOST_DEPENDENCIES"
endef

# $(call install_wheels,REQUIREMENTS). By uv, and not by pip, which reads the markers as for the Python that runs it and
# takes a platform to the letter, without the older glibcs that it includes. Amazon Linux 2023 has glibc 2.34.
# First from uv's cache alone, so that a second build needs no network; then from the index, with uv's certificates, then
# with the system's. uv's RECORD names what is deleted here too; nothing on Lambda reads it.
define install_wheels
mkdir -p "$(ARTIFACTS_DIR)/python"
install() { \
  "$(PYTHON)" -m uv "$$@" pip install --quiet --no-deps --require-hashes --only-binary :all: --link-mode copy \
    --python-version $(LAMBDA_PYTHON) --python-platform $(processor)-manylinux_2_34 \
    --target "$(ARTIFACTS_DIR)/python" -r "$(1)"; }; \
install --offline 2> /dev/null || install 2> /dev/null || install --system-certs
rm -rf "$(ARTIFACTS_DIR)/python/bin" "$(ARTIFACTS_DIR)/python/.lock"
find "$(ARTIFACTS_DIR)/python" -depth -type d \( -name tests -o -name test -o -name __pycache__ \) -exec rm -rf {} +
find "$(ARTIFACTS_DIR)/python" -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.a' \
  -o -name conftest.py -o -name 'test_*.py' -o -name '*_tests.*.so' \) -delete
endef

# $(call leave_out,PATTERNS): what is only there because a package names it.
leave_out = cd "$(ARTIFACTS_DIR)/python" && rm -rf $(1)

# $(call keep_only,PACKAGES): these packages, their metadata and libraries, and nothing beside them.
keep_only = cd "$(ARTIFACTS_DIR)/python" && \
  find . -mindepth 1 -maxdepth 1 $(foreach name,$(1),! -name '$(name)' ! -name '$(name)-*' ! -name '$(name).libs') -exec rm -rf {} +

# $(call keep_folders,FOLDER,NAMES): of the folders in FOLDER these alone; its files stay.
keep_folders = find "$(ARTIFACTS_DIR)/python/$(1)" -mindepth 1 -maxdepth 1 -type d $(foreach name,$(2),! -name '$(name)') -exec rm -rf {} +
