"""For every test: how long an example may take says nothing where other processes run beside it."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import HealthCheck, settings

    # On top of the profile that hypothesis itself has for continuous integration.
    settings.register_profile("patient", settings(deadline=None, suppress_health_check=[HealthCheck.too_slow]))
    settings.load_profile("patient")
