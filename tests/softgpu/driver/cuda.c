/* libcuda.so.1, but for memory: devices, contexts, streams, modules, textures, launches. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "launch.h"
#include "memory.h"
#include "ptx.h"

static bool initialized;

EXPORT int cuInit(unsigned flags)
{
    (void)flags;
    initialized = !personality()->init_error;
    return personality()->init_error;
}

EXPORT int cuDriverGetVersion(int *version)
{
    *version = personality()->nvenc_version < (11 << 4) ? 11000 : 12080;
    return CUDA_SUCCESS;
}

/* ---- devices ---- */

EXPORT int cuDeviceGetCount(int *count)
{
    *count = personality()->devices;
    return initialized ? CUDA_SUCCESS : CUDA_NOT_INITIALIZED;
}

EXPORT int cuDeviceGet(int *device, int index)
{
    *device = index;
    return index >= 0 && index < personality()->devices ? CUDA_SUCCESS : CUDA_INVALID_DEVICE;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
    (void)device;
    snprintf(name, size, "%s", personality()->name);
    return CUDA_SUCCESS;
}

EXPORT int cuDeviceComputeCapability(int *major, int *minor, int device)
{
    (void)device;
    *major = personality()->capability / 10;
    *minor = personality()->capability % 10;
    return CUDA_SUCCESS;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    (void)device;
    *bytes = (size_t)memory_limit_mb() << 20;
    return CUDA_SUCCESS;
}

EXPORT int cuDeviceGetUuid(char *uuid, int device)
{
    memcpy(uuid, "software device ", 16);
    uuid[15] = (char)device;
    return CUDA_SUCCESS;
}

EXPORT int cuDeviceGetUuid_v2(char *uuid, int device)
{
    return cuDeviceGetUuid(uuid, device);
}

EXPORT int cuDeviceGetPCIBusId(char *id, int size, int device)
{
    snprintf(id, size, "0000:%02x:00.0", device + 1);
    return CUDA_SUCCESS;
}

EXPORT int cuDeviceGetByPCIBusId(int *device, const char *id)
{
    unsigned bus;
    if (sscanf(id, "%*x:%x", &bus) != 1)
        return CUDA_INVALID_VALUE;
    return cuDeviceGet(device, (int)bus - 1);
}

/* The attributes that FFmpeg or its libraries may ask for, by the numbers of CUdevice_attribute. */
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    switch (attribute) {
    case 1: *value = 1024; break;                              /* threads per block */
    case 10: *value = 32; break;                               /* threads per warp */
    case 14: *value = DEVICE_ALIGNMENT; break;                 /* texture alignment */
    case 16: *value = personality()->multiprocessors; break;
    case 33: *value = device + 1; break;                       /* PCI bus */
    case 41: *value = 1; break;                                /* unified addresses */
    case 51: *value = 32; break;                               /* texture pitch alignment */
    case 75: *value = personality()->capability / 10; break;
    case 76: *value = personality()->capability % 10; break;
    default: *value = 0;
    }
    return CUDA_SUCCESS;
}

/* ---- contexts: each thread has a stack of them ---- */

typedef struct {
    int device;
} Context;

enum { DEEPEST = 64 };

static __thread Context *contexts[DEEPEST];
static __thread int depth;
static Context primary;
static int primary_users;
static unsigned primary_flags;

bool has_context(void)
{
    return depth && contexts[depth - 1];
}

EXPORT int cuCtxPushCurrent_v2(Context *context)
{
    if (!context || depth == DEEPEST)
        return CUDA_INVALID_CONTEXT;
    contexts[depth++] = context;
    return CUDA_SUCCESS;
}

EXPORT int cuCtxPopCurrent_v2(Context **context)
{
    if (!depth)
        return CUDA_INVALID_CONTEXT;
    depth--;
    if (context)
        *context = contexts[depth];
    return CUDA_SUCCESS;
}

EXPORT int cuCtxCreate_v2(Context **context, unsigned flags, int device)
{
    (void)flags;
    if (!initialized)
        return CUDA_NOT_INITIALIZED;
    *context = calloc(1, sizeof **context);
    (*context)->device = device;
    return cuCtxPushCurrent_v2(*context);
}

EXPORT int cuCtxDestroy_v2(Context *context)
{
    if (!context)
        return CUDA_INVALID_CONTEXT;
    if (depth && contexts[depth - 1] == context)
        depth--;
    if (context != &primary)
        free(context);
    return CUDA_SUCCESS;
}

EXPORT int cuCtxGetCurrent(Context **context)
{
    *context = depth ? contexts[depth - 1] : NULL;
    return CUDA_SUCCESS;
}

EXPORT int cuCtxSetCurrent(Context *context)
{
    depth -= depth > 0;
    return context ? cuCtxPushCurrent_v2(context) : CUDA_SUCCESS;
}

EXPORT int cuCtxGetDevice(int *device)
{
    if (!has_context())
        return CUDA_INVALID_CONTEXT;
    *device = contexts[depth - 1]->device;
    return CUDA_SUCCESS;
}

EXPORT int cuCtxGetStreamPriorityRange(int *least, int *greatest)
{
    *least = *greatest = 0;
    return CUDA_SUCCESS;
}

EXPORT int cuDevicePrimaryCtxRetain(Context **context, int device)
{
    (void)device;
    primary_users++;
    *context = &primary;
    return CUDA_SUCCESS;
}

EXPORT int cuDevicePrimaryCtxRelease(int device)
{
    (void)device;
    primary_users--;
    return CUDA_SUCCESS;
}

EXPORT int cuDevicePrimaryCtxSetFlags(int device, unsigned flags)
{
    (void)device;
    primary_flags = flags;
    return CUDA_SUCCESS;
}

EXPORT int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active)
{
    (void)device;
    *flags = primary_flags;
    *active = primary_users > 0;
    return CUDA_SUCCESS;
}

/* ---- modules: the text is kept, and asked ---- */

typedef struct Function {
    char *name;
    struct Module *module;
    Kernel *kernel;
    bool compiled;
    struct Function *next;
} Function;

typedef struct Module {
    char *ptx;
    Function *functions;
} Module;

EXPORT int cuModuleLoadData(Module **module, const char *image)
{
    if (!has_context())
        return CUDA_INVALID_CONTEXT;
    if (strncmp(image, "//", 2) && strncmp(image, ".version", 8)) /* a binary image for some card */
        return CUDA_INVALID_IMAGE;
    *module = calloc(1, sizeof **module);
    (*module)->ptx = strdup(image);
    return CUDA_SUCCESS;
}

EXPORT int cuModuleUnload(Module *module)
{
    for (Function *function = module->functions, *next; function; function = next) {
        next = function->next;
        free(function->name);
        free(function);
    }
    free(module->ptx);
    free(module);
    return CUDA_SUCCESS;
}

EXPORT int cuModuleGetFunction(Function **function, Module *module, const char *name)
{
    if (!ptx_entry(module->ptx, name))
        return CUDA_NOT_FOUND;
    *function = calloc(1, sizeof **function);
    **function = (Function){.name = strdup(name), .module = module, .next = module->functions};
    module->functions = *function;
    return CUDA_SUCCESS;
}

EXPORT int cuModuleGetGlobal(uint64_t *address, size_t *bytes, Module *module, const char *name)
{
    (void)address, (void)bytes, (void)module, (void)name;
    return CUDA_NOT_FOUND;
}

EXPORT int cuLaunchKernel(Function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                          void **extra)
{
    (void)shared_bytes, (void)stream, (void)extra;
    int error = begin_work();
    if (error)
        return error;
    if (!function->compiled) {
        function->kernel = compile_kernel(function->module->ptx, function->name);
        function->compiled = true;
    }
    if (!function->kernel)
        return CUDA_NOT_SUPPORTED;
    Dimensions size = {{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}};
    function->kernel(parameters, &size);
    trace("launch %s %ux%ux%u %ux%ux%u", function->name, grid_x, grid_y, grid_z, block_x, block_y, block_z);
    return CUDA_SUCCESS;
}

/* ---- textures ---- */

typedef struct {
    uint32_t type;
    uint64_t address;
    uint32_t format, channels;
    size_t width, height, pitch;
} TextureMemory;

typedef struct {
    uint32_t address_modes[3], filter, flags;
} TextureReading;

enum { PITCHED_2D = 3, FORMAT_U8 = 1, FORMAT_U16 = 2, FLAG_INTEGERS = 1, FLAG_UNIT_COORDINATES = 2 };

EXPORT int cuTexObjectCreate(uint64_t *object, const TextureMemory *memory, const TextureReading *reading,
                             const void *view)
{
    (void)view;
    int bytes = memory->format == FORMAT_U8 ? 1 : 2;
    size_t row = memory->width * memory->channels * bytes;
    if (memory->type != PITCHED_2D || (memory->format != FORMAT_U8 && memory->format != FORMAT_U16))
        return CUDA_NOT_SUPPORTED;
    if (memory->address % DEVICE_ALIGNMENT || memory->pitch % 32 || memory->pitch < row || !memory->height ||
        !softgpu_is_device_memory(memory->address, (memory->height - 1) * memory->pitch + row)) {
        trace("complaint texture of %zux%zu: not aligned device memory", memory->width, memory->height);
        return CUDA_INVALID_VALUE;
    }
    Texture *texture = malloc(sizeof *texture);
    *texture = (Texture){
        .pixels = (const uint8_t *)memory->address,
        .bytes_per_channel = bytes,
        .channels = (int)memory->channels,
        .width = (int)memory->width,
        .height = (int)memory->height,
        .pitch = (int64_t)memory->pitch,
        .linear = reading->filter,
        .reads_floats = !(reading->flags & FLAG_INTEGERS),
        .unit_coordinates = !!(reading->flags & FLAG_UNIT_COORDINATES),
    };
    *object = (uint64_t)texture;
    return CUDA_SUCCESS;
}

EXPORT int cuTexObjectDestroy(uint64_t object)
{
    free((void *)object);
    return CUDA_SUCCESS;
}

/* ---- errors ---- */

static const struct { int code; const char *name, *text; } errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {CUDA_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_DRIVER_MISMATCH, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "system has unsupported display driver / cuda driver combination"},
    {CUDA_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

static int find_error(int code, const char **name, const char **text)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            *name = errors[i].name;
            *text = errors[i].text;
            return CUDA_SUCCESS;
        }
    *name = *text = NULL;
    return CUDA_INVALID_VALUE;
}

EXPORT int cuGetErrorName(int code, const char **name)
{
    const char *text;
    return find_error(code, name, &text);
}

EXPORT int cuGetErrorString(int code, const char **text)
{
    const char *name;
    return find_error(code, &name, text);
}
