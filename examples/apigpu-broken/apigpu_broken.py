"""A plugin that cannot be imported: what it needs is not installed anywhere."""

import a_module_that_nobody_has  # noqa: F401
