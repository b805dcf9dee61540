/* Device memory, which is the computer's own. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Texture memory on every card of the last ten years is aligned to this, and FFmpeg makes its pitch from it. */
enum { DEVICE_ALIGNMENT = 512 };

/* One side of a cuMemcpy2D, and the whole of it: the driver API's layout. */
typedef struct {
    size_t x_bytes, y;
    uint32_t memory; /* MEMORY_HOST or another */
    const void *host;
    uint64_t device;
    void *array;
    size_t pitch;
} CopyEnd;

typedef struct {
    CopyEnd source, target;
    size_t width_bytes, height;
} Copy2D;

enum { MEMORY_HOST = 1, MEMORY_DEVICE = 2 };

/* Whether the bytes lie inside one allocation. The encoder library asks for it by this name. */
bool softgpu_is_device_memory(uint64_t address, size_t bytes);
size_t device_memory_used(void);
bool has_context(void);

/* Counts one call that the device must work for; an error without a context, or when the device has broken down. */
int begin_work(void);

#endif
