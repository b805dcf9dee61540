/* NVENC's input: buffers in the computer's memory, frames that are on the device already, and their pixel formats. */
#include <dlfcn.h>
#include <stdlib.h>

#include "memory.h"
#include "nvenc.h"

static int bytes_per_luma_sample(uint32_t format)
{
    return format == BUFFER_ARGB || format == BUFFER_ABGR ? 4 : format == BUFFER_P010 ? 2 : 1;
}

int nvenc_create_input(Encoder *encoder, NvencCreateInput *wanted)
{
    (void)encoder;
    Surface *surface = calloc(1, sizeof *surface);
    size_t row = (size_t)wanted->width * bytes_per_luma_sample(wanted->bufferFmt);
    surface->pitch = (row + DEVICE_ALIGNMENT - 1) / DEVICE_ALIGNMENT * DEVICE_ALIGNMENT;
    surface->height = wanted->height;
    surface->format = wanted->bufferFmt;
    surface->pixels = calloc((size_t)surface->height * 2, surface->pitch);
    wanted->inputBuffer = surface;
    return surface->pixels ? NVENC_SUCCESS : NVENC_OUT_OF_MEMORY;
}

int nvenc_destroy_input(Encoder *encoder, Surface *surface)
{
    (void)encoder;
    free(surface->pixels);
    free(surface);
    return NVENC_SUCCESS;
}

int nvenc_lock_input(Encoder *encoder, NvencLockInput *lock)
{
    (void)encoder;
    const Surface *surface = lock->inputBuffer;
    lock->bufferDataPtr = surface->pixels;
    lock->pitch = surface->pitch;
    return NVENC_SUCCESS;
}

/* What the caller wrote goes to the device now: the copy that frames on the device save. */
int nvenc_unlock_input(Encoder *encoder, Surface *surface)
{
    bool rgb = bytes_per_luma_sample(surface->format) == 4;
    size_t luma = (size_t)encoder->stream.width * encoder->stream.height * bytes_per_luma_sample(surface->format);
    trace("encoder-upload %zu", rgb ? luma : luma * 3 / 2);
    return NVENC_SUCCESS;
}

static bool is_device_memory(void *pixels, size_t bytes)
{
    static bool (*ask)(uint64_t, size_t);
    if (!ask) {
        void *cuda = dlopen("libcuda.so.1", RTLD_LAZY);
        ask = cuda ? (bool (*)(uint64_t, size_t))dlsym(cuda, "softgpu_is_device_memory") : NULL;
    }
    return ask && ask((uint64_t)pixels, bytes);
}

int nvenc_register(Encoder *encoder, NvencRegister *wanted)
{
    if (wanted->resourceType != RESOURCE_CUDA_POINTER)
        return nvenc_fail(encoder, NVENC_UNSUPPORTED_PARAM, "Only CUDA device pointers can be registered.");
    if (!is_device_memory(wanted->resourceToRegister, (size_t)wanted->pitch * wanted->height)) {
        trace("complaint registered resource is not device memory");
        return nvenc_fail(encoder, NVENC_RESOURCE_REGISTER_FAILED, "The resource is not in device memory.");
    }
    Surface *surface = malloc(sizeof *surface);
    *surface = (Surface){wanted->resourceToRegister, wanted->pitch, wanted->height, wanted->bufferFormat};
    wanted->registeredResource = surface;
    return NVENC_SUCCESS;
}

int nvenc_unregister(Encoder *encoder, Surface *surface)
{
    (void)encoder;
    free(surface);
    return NVENC_SUCCESS;
}

int nvenc_map(Encoder *encoder, NvencMap *map)
{
    (void)encoder;
    const Surface *surface = map->registeredResource;
    map->mappedResource = map->registeredResource;
    map->mappedBufferFmt = surface->format;
    return NVENC_SUCCESS;
}

int nvenc_unmap(Encoder *encoder, Surface *surface)
{
    (void)encoder, (void)surface;
    return NVENC_SUCCESS;
}

/* ---- one row of one plane, from each format ---- */

typedef struct {
    const Surface *surface;
    int plane, row, width; /* in the plane's own samples */
} Row;

static const uint8_t *chroma_start(const Surface *surface)
{
    return surface->pixels + (size_t)surface->pitch * surface->height;
}

/* Three planes; YV12 has V before U. Chroma has half the pitch and half the height of the surface. */
static void read_planar(const Row *at, uint8_t *to)
{
    const Surface *surface = at->surface;
    bool second = at->plane == (surface->format == BUFFER_YV12 ? 1 : 2);
    size_t pitch = at->plane ? surface->pitch / 2 : surface->pitch;
    const uint8_t *plane = at->plane ? chroma_start(surface) + (second ? pitch * (surface->height / 2) : 0)
                                     : surface->pixels;
    memcpy(to, plane + pitch * at->row, at->width);
}

static void read_nv12(const Row *at, uint8_t *to)
{
    const uint8_t *luma = at->surface->pixels + (size_t)at->surface->pitch * at->row;
    const uint8_t *chroma = chroma_start(at->surface) + (size_t)at->surface->pitch * at->row;
    for (int x = 0; x < at->width; x++)
        to[x] = at->plane ? chroma[2 * x + at->plane - 1] : luma[x];
}

/* P010 keeps its ten bits in the upper part of sixteen. */
static void read_p010(const Row *at, uint8_t *to)
{
    const uint8_t *start = at->plane ? chroma_start(at->surface) : at->surface->pixels;
    const uint16_t *row = (const uint16_t *)(start + (size_t)at->surface->pitch * at->row);
    for (int x = 0; x < at->width; x++)
        ((uint16_t *)to)[x] = row[at->plane ? 2 * x + at->plane - 1 : x] >> 6;
}

/* BT.601, limited range; chroma from the upper left of four pixels. */
static void read_rgb(const Row *at, uint8_t *to)
{
    int step = at->plane ? 2 : 1, red = at->surface->format == BUFFER_ARGB ? 2 : 0;
    const uint8_t *row = at->surface->pixels + (size_t)at->surface->pitch * at->row * step;
    for (int x = 0; x < at->width; x++) {
        const uint8_t *pixel = row + 4 * x * step;
        int r = pixel[red], g = pixel[1], b = pixel[2 - red];
        to[x] = at->plane == 0   ? (66 * r + 129 * g + 25 * b + 4224) >> 8
                : at->plane == 1 ? (-38 * r - 74 * g + 112 * b + 32896) >> 8
                                 : (112 * r - 94 * g - 18 * b + 32896) >> 8;
    }
}

typedef void RowReader(const Row *at, uint8_t *to);

static RowReader *reader_of(uint32_t format, int depth)
{
    switch (format) {
    case BUFFER_P010: return depth > 8 ? read_p010 : NULL;
    case BUFFER_NV12: return depth > 8 ? NULL : read_nv12;
    case BUFFER_YV12: case BUFFER_IYUV: return depth > 8 ? NULL : read_planar;
    case BUFFER_ARGB: case BUFFER_ABGR: return depth > 8 ? NULL : read_rgb;
    default: return NULL;
    }
}

static void repeat_last_sample(uint8_t *row, int width, int padded_width, int sample)
{
    for (int x = width; x < padded_width; x++)
        memcpy(row + x * sample, row + (width - 1) * sample, sample);
}

bool read_surface(const Surface *surface, const Stream *stream, Picture *picture)
{
    RowReader *read = reader_of(surface->format, stream->depth);
    if (!read)
        return false;
    for (int plane = 0; plane < 3; plane++) {
        int block = plane ? 8 : 16, sample = stream->depth > 8 ? 2 : 1;
        int width = plane ? stream->width / 2 : stream->width, height = plane ? stream->height / 2 : stream->height;
        size_t pitch = picture->pitches[plane];
        for (int y = 0; y < picture->rows * block; y++) {
            uint8_t *row = picture->planes[plane] + y * pitch;
            if (y >= height) {
                memcpy(row, row - pitch, pitch);
                continue;
            }
            read(&(Row){surface, plane, y, width}, row);
            repeat_last_sample(row, width, picture->columns * block, sample);
        }
    }
    return true;
}
