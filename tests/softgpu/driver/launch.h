/* From a kernel's PTX to a function that can be called. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include "kernel.h"

/* Translates, compiles and loads one kernel of a module, or takes it from the folder of those compiled before. */
Kernel *compile_kernel(const char *module, const char *name);

#endif
