"""Con qué se hizo una corrida: las versiones de los paquetes y la máquina, para poder repetirla."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("coursekit", "stable-baselines3", "sb3-contrib", "gymnasium", "ale-py", "torch", "numpy")


def versions() -> dict[str, str]:
    """Versiones de Python y de los paquetes que deciden un resultado."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "sin instalar"
    return found


def machine(device: str = "cpu") -> dict[str, str | int]:
    """Sistema, procesador y núcleos de esta máquina, y el dispositivo con el que se calcula."""
    if device.startswith("cuda"):
        import torch

        device = torch.cuda.get_device_name(device)
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "device": device,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.is_file() else ""
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return match[1] if match else platform.processor() or "desconocido"
