"""Lo que vale para `pytest` y para `pytest --nbval-lax`, escritos así, sin nada más, en la raíz del proyecto."""

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Con nbval: los cuadernos, y no las pruebas; con este mismo Python, y con un límite que una celda no alcanza."""
    options = config.option
    if getattr(options, "nbval", False) or getattr(options, "nbval_lax", False):
        if not options.nbval_kernel_name:
            options.nbval_current_env = True
        if options.nbval_cell_timeout == 2000:  # lo que trae nbval: media hora en una celda que se colgó
            options.nbval_cell_timeout = 300
        if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            config.args[:] = [str(config.rootpath / "book")]
