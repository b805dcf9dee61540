/* PTX, the text in which FFmpeg hands over its kernels, and its translation to C. */
#ifndef PTX_H
#define PTX_H

#include <stdbool.h>

/* Where ".entry NAME(" begins in a module's text, or NULL. */
const char *ptx_entry(const char *module, const char *name);

/* The C source of one kernel, to be freed; NULL after a complaint when it holds an instruction not known here. */
char *ptx_to_c(const char *module, const char *name);

#endif
