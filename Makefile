# Todo lo que se hace con el curso.  Basta con tener Python 3.11 o posterior, make y git:
# cada orden crea .venv e instala lo que falte antes de empezar.
#
#   make PYTHON=python3.12 libro     para elegir el intérprete de Python

PYTHON ?= python3
VENV   := .venv
# El sello se escribe al terminar la instalación: si existe y está al día, no se instala otra vez.
SELLO  := $(VENV)/.instalado
PY     := $(VENV)/bin/python

# Ni las variables ni los paquetes del usuario deben cambiar lo que se construye y se prueba.
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Con la máquina ocupada, los hilos de torch que esperan girando se estorban entre sí.
export OMP_WAIT_POLICY := PASSIVE
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := ayuda
.PHONY: ayuda libro test revisar sala lab colab hojas pdf bench limpiar instalar

ayuda:  ## muestra esta lista
	@echo "DQN a partir de píxeles.  Órdenes:"
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1	\2/'

libro: $(SELLO)  ## ejecuta los cuadernos y construye el libro en _build/html
	@# Siempre de cero: una construcción incremental con -W calla los avisos de la anterior.
	@# Lo demás que haya en _build (las hojas, el PDF) se queda.
	rm -rf _build/html _build/.doctrees _build/jupyter_execute
	@# -n: toda referencia debe existir.  -W --keep-going: un aviso es un error, y se listan todos.
	$(VENV)/bin/jupyter-book build . -n -W --keep-going
	@$(MAKE) --no-print-directory revisar
	@echo "Listo: abra _build/html/index.html en el navegador."

test: $(SELLO)  ## revisa el estilo, prueba coursekit y ejecuta los cuadernos
ifneq ($(wildcard tests/conftest.py),)  # las hojas que se reparten no traen las pruebas: ahí, solo los cuadernos
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest -m "not html" --cov
endif
	@# Los cuadernos van sin salidas: con --nbval-lax basta que ninguna celda falle.
	$(PY) -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=300 book

revisar: $(SELLO)  ## recorre el libro ya construido, también en un navegador
	EXIGIR_LIBRO=1 $(PY) -m pytest -m html tests/book

sala: $(SELLO)  ## rehace y prueba lo que juega en la página (pide Node 20; construir el libro, no)
	cd live && npm ci --silent && node src/gemm/build.mjs --check && node build.mjs --check && npm test

lab: $(SELLO)  ## abre los cuadernos en JupyterLab
	$(PY) book/_ext/lab.py

colab: $(SELLO)  ## pone en los cuadernos la celda de Colab, con el repositorio que dice _config.yml
	$(PY) book/_ext/colab.py

hojas: $(SELLO)  ## copia el curso sin las soluciones en _build/hojas, para repartirlo
	$(PY) book/_ext/hojas.py

pdf: $(SELLO)  ## imprime el libro en _build/libro.pdf, con Chromium o Chrome
	$(PY) book/_ext/imprimir.py

bench: $(SELLO)  ## mide la velocidad y la memoria en esta máquina
	$(PY) tests/bench.py

instalar: $(SELLO)  ## solo instala

limpiar:  ## borra el libro construido, .venv y lo que escriben los cuadernos
	rm -rf _build $(VENV) book/salidas .coverage .pytest_cache .ruff_cache *.egg-info

# Si la instalación anterior se interrumpió, no hay sello, y .venv se crea de nuevo.
# Si solo cambiaron los requisitos, se instala la diferencia sobre el mismo .venv.
$(SELLO): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hace falta Python 3.11 o posterior y «$(PYTHON)» no lo es:" \
	    "indique otro con «make PYTHON=python3.12 …»." >&2; exit 1; }
	@if [ -f $@ ]; then rm -f $@; else \
	  $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "No se pudo crear $(VENV): en Debian y Ubuntu, instale antes python3-venv." >&2; exit 1; }; fi
	@echo "Se instala en $(VENV) lo que pide requirements.txt; toma unos minutos."
	@# En Linux, PyPI trae PyTorch con CUDA.  Sin tarjeta gráfica no sirve de nada, y se dice a tiempo.
	@if [ "$$(uname -s)" = Linux ] && [ ! -e /dev/nvidia0 ] && ! ls -d $(VENV)/lib/python*/site-packages/torch >/dev/null 2>&1 \
	  && [ -z "$$PIP_EXTRA_INDEX_URL$$PIP_INDEX_URL$$PIP_NO_INDEX" ]; then \
	  echo; \
	  echo "Atención: no se ve una tarjeta gráfica, y pip va a descargar PyTorch con CUDA (varios GB)."; \
	  echo "Para instalar la edición de CPU, que alcanza para todo el curso, interrumpa con Ctrl-C y escriba:"; \
	  echo "    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make $(MAKECMDGOALS)"; \
	  echo; \
	  if [ -t 1 ]; then sleep 10; fi; fi
	$(PY) -m pip install --quiet -r requirements.txt -e ".[libro,sweep,test]"
	@touch $@
