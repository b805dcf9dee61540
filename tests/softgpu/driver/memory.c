/* cuMem*: allocations, copies, fills. Copies go to the trace with their direction and size. */
#include "memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

/* Kernels of FFmpeg 5.1 and 9.0 write past the last row (overlay_cuda has no bound on the main picture). On a card
   that lands in the rest of the page; here it lands in this. */
enum { SLACK = 128 << 10 };

enum { UNDEFINED_CONTENT = 0xCD };

typedef struct Allocation {
    uint64_t address;
    size_t bytes;
    struct Allocation *next;
} Allocation;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Allocation *allocations;
static size_t used;

static size_t limit(void)
{
    return (size_t)memory_limit_mb() << 20;
}

static bool contains(const Allocation *block, uint64_t address, size_t bytes)
{
    return address >= block->address && bytes <= block->bytes && address - block->address <= block->bytes - bytes;
}

EXPORT bool softgpu_is_device_memory(uint64_t address, size_t bytes)
{
    pthread_mutex_lock(&lock);
    const Allocation *block = allocations;
    while (block && !contains(block, address, bytes))
        block = block->next;
    pthread_mutex_unlock(&lock);
    return block != NULL;
}

size_t device_memory_used(void)
{
    pthread_mutex_lock(&lock);
    size_t now = used;
    pthread_mutex_unlock(&lock);
    return now;
}

int begin_work(void)
{
    static atomic_int calls;
    int limit = calls_before_fault();
    if (!has_context())
        return CUDA_INVALID_CONTEXT;
    return limit != UNLIMITED && calls++ >= limit ? fault_error() : CUDA_SUCCESS;
}

/* The device's side of a copy must be memory that the device handed out. */
static int check_range(const char *call, uint64_t address, size_t bytes)
{
    if (softgpu_is_device_memory(address, bytes))
        return CUDA_SUCCESS;
    trace("complaint %s: %zu bytes at %#lx are not device memory", call, bytes, (unsigned long)address);
    return CUDA_INVALID_VALUE;
}

static bool reserve(size_t bytes)
{
    pthread_mutex_lock(&lock);
    bool fits = used + bytes <= limit();
    if (fits)
        used += bytes;
    pthread_mutex_unlock(&lock);
    return fits;
}

static void release(size_t bytes)
{
    pthread_mutex_lock(&lock);
    used -= bytes;
    pthread_mutex_unlock(&lock);
}

static void remember(Allocation *block)
{
    pthread_mutex_lock(&lock);
    block->next = allocations;
    allocations = block;
    pthread_mutex_unlock(&lock);
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    void *memory = NULL;
    Allocation *block = NULL;

    int error = begin_work();
    if (error)
        return error;
    if (!bytes)
        return CUDA_INVALID_VALUE;
    if (!reserve(bytes)) {
        trace("refused %zu", bytes);
        return CUDA_OUT_OF_MEMORY;
    }
    if (posix_memalign(&memory, DEVICE_ALIGNMENT, bytes + SLACK) || !(block = malloc(sizeof *block))) {
        free(memory);
        release(bytes);
        return CUDA_OUT_OF_MEMORY;
    }
    memset(memory, UNDEFINED_CONTENT, bytes);
    *block = (Allocation){.address = (uint64_t)memory, .bytes = bytes};
    remember(block);
    trace("allocate %zu", bytes);
    *address = block->address;
    return CUDA_SUCCESS;
}

EXPORT int cuMemFree_v2(uint64_t address)
{
    if (!has_context())
        return CUDA_INVALID_CONTEXT;
    pthread_mutex_lock(&lock);
    Allocation **link = &allocations;
    while (*link && (*link)->address != address)
        link = &(*link)->next;
    Allocation *block = *link;
    if (block) {
        *link = block->next;
        used -= block->bytes;
    }
    pthread_mutex_unlock(&lock);
    if (!block)
        return CUDA_INVALID_VALUE;
    free((void *)address);
    free(block);
    return CUDA_SUCCESS;
}

EXPORT int cuMemAllocPitch_v2(uint64_t *address, size_t *pitch, size_t width_bytes, size_t height, unsigned element)
{
    (void)element;
    *pitch = (width_bytes + DEVICE_ALIGNMENT - 1) / DEVICE_ALIGNMENT * DEVICE_ALIGNMENT;
    return cuMemAlloc_v2(address, *pitch * height);
}

EXPORT int cuMemAllocManaged(uint64_t *address, size_t bytes, unsigned flags)
{
    (void)flags;
    return cuMemAlloc_v2(address, bytes);
}

EXPORT int cuMemAllocAsync(uint64_t *address, size_t bytes, void *stream)
{
    (void)stream;
    return cuMemAlloc_v2(address, bytes);
}

EXPORT int cuMemFreeAsync(uint64_t address, void *stream)
{
    (void)stream;
    return cuMemFree_v2(address);
}

EXPORT int cuMemHostAlloc(void **memory, size_t bytes, unsigned flags)
{
    (void)flags;
    return posix_memalign(memory, 4096, bytes) ? CUDA_OUT_OF_MEMORY : CUDA_SUCCESS;
}

EXPORT int cuMemFreeHost(void *memory)
{
    free(memory);
    return CUDA_SUCCESS;
}

EXPORT int cuMemGetInfo_v2(size_t *available, size_t *total)
{
    *total = limit();
    *available = *total - device_memory_used();
    return CUDA_SUCCESS;
}

static const char *direction(bool from_host, bool to_host)
{
    if (from_host)
        return to_host ? "hostcopy" : "upload";
    return to_host ? "download" : "devicecopy";
}

/* Where one end of a copy starts; NULL when it is the device's and reaches outside its memory. */
static uint8_t *start_of(const CopyEnd *end, const Copy2D *copy)
{
    uint64_t base = end->memory == MEMORY_HOST ? (uint64_t)end->host : end->device;
    size_t offset = end->y * end->pitch + end->x_bytes;
    size_t extent = (copy->height - 1) * end->pitch + copy->width_bytes;
    if (end->memory != MEMORY_HOST && check_range("cuMemcpy2D", base + offset, extent))
        return NULL;
    return (uint8_t *)base + offset;
}

EXPORT int cuMemcpy2D_v2(const Copy2D *copy)
{
    int error = begin_work();
    if (error)
        return error;
    if (!copy->width_bytes || !copy->height)
        return CUDA_SUCCESS;
    const uint8_t *from = start_of(&copy->source, copy);
    uint8_t *to = start_of(&copy->target, copy);
    if (!from || !to || copy->source.pitch < copy->width_bytes || copy->target.pitch < copy->width_bytes)
        return CUDA_INVALID_VALUE;
    for (size_t row = 0; row < copy->height; row++)
        memcpy(to + row * copy->target.pitch, from + row * copy->source.pitch, copy->width_bytes);
    trace("%s %zu", direction(copy->source.memory == MEMORY_HOST, copy->target.memory == MEMORY_HOST),
          copy->width_bytes * copy->height);
    return CUDA_SUCCESS;
}

EXPORT int cuMemcpy2DAsync_v2(const Copy2D *copy, void *stream)
{
    (void)stream;
    return cuMemcpy2D_v2(copy);
}

EXPORT int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes)
{
    int error = begin_work();
    if (!error)
        error = check_range(__func__, to, bytes);
    if (error)
        return error;
    memcpy((void *)to, from, bytes);
    trace("upload %zu", bytes);
    return CUDA_SUCCESS;
}

EXPORT int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes)
{
    int error = begin_work();
    if (!error)
        error = check_range(__func__, from, bytes);
    if (error)
        return error;
    memcpy(to, (const void *)from, bytes);
    trace("download %zu", bytes);
    return CUDA_SUCCESS;
}

EXPORT int cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes)
{
    int error = begin_work();
    if (!error)
        error = check_range(__func__, to, bytes);
    if (!error)
        error = check_range(__func__, from, bytes);
    if (error)
        return error;
    memmove((void *)to, (const void *)from, bytes);
    trace("devicecopy %zu", bytes);
    return CUDA_SUCCESS;
}

/* Any of the two may be the host's: what a unified address is for. */
EXPORT int cuMemcpy(uint64_t to, uint64_t from, size_t bytes)
{
    int error = begin_work();
    if (error)
        return error;
    memmove((void *)to, (const void *)from, bytes);
    trace("%s %zu", direction(!softgpu_is_device_memory(from, bytes), !softgpu_is_device_memory(to, bytes)), bytes);
    return CUDA_SUCCESS;
}

#define ASYNC(name, synchronous, To, From) \
    EXPORT int name(To to, From from, size_t bytes, void *stream) \
    { \
        (void)stream; \
        return synchronous(to, from, bytes); \
    }
ASYNC(cuMemcpyHtoDAsync_v2, cuMemcpyHtoD_v2, uint64_t, const void *)
ASYNC(cuMemcpyDtoHAsync_v2, cuMemcpyDtoH_v2, void *, uint64_t)
ASYNC(cuMemcpyDtoDAsync_v2, cuMemcpyDtoD_v2, uint64_t, uint64_t)
ASYNC(cuMemcpyAsync, cuMemcpy, uint64_t, uint64_t)

/* A row of fills is a block of one row, so one body serves both. */
#define FILL(name_1d, name_2d, Element) \
    EXPORT int name_2d(uint64_t at, size_t pitch, Element value, size_t width, size_t height, void *stream) \
    { \
        (void)stream; \
        int error = begin_work(); \
        if (!error) \
            error = check_range(#name_2d, at, (height - 1) * pitch + width * sizeof value); \
        for (size_t y = 0; !error && y < height; y++) \
            for (size_t x = 0; x < width; x++) \
                ((Element *)(at + y * pitch))[x] = value; \
        return error; \
    } \
    EXPORT int name_1d(uint64_t at, Element value, size_t count, void *stream) \
    { \
        return name_2d(at, count * sizeof value, value, count, 1, stream); \
    }
FILL(cuMemsetD8Async, cuMemsetD2D8Async, uint8_t)
FILL(cuMemsetD16Async, cuMemsetD2D16Async, uint16_t)
FILL(cuMemsetD32Async, cuMemsetD2D32Async, uint32_t)
