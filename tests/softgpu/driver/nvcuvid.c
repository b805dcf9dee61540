/* libnvcuvid.so.1, as FFmpeg's -hwaccel cuda uses it: compressed pictures in, NV12 in device memory out. */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "h264_headers.h"
#include "inner_decoder.h"
#include "memory.h"

enum { MOST_SURFACES = 32 };

typedef struct {
    int codec; /* one of DECODES_* */
    int width, height;
    InnerDecoder *inner;
    bool may_be_mbaff;
    uint8_t headers[LARGEST_HEADERS]; /* the last ones sent */
    size_t headers_length;
    pthread_mutex_t lock; /* FFmpeg maps on another thread than it decodes on */
} Decoder;

static const InnerFunctions *inner;
static int (*allocate)(uint64_t *, size_t), (*release)(uint64_t);

static int codec_of(uint32_t type)
{
    switch (type) {
    case CUVID_H264: return DECODES_H264;
    case CUVID_VP9: return DECODES_VP9;
    case CUVID_JPEG: return DECODES_MJPEG;
    default: return 0;
    }
}

static const char *name_of(int codec)
{
    return codec == DECODES_H264 ? "h264" : codec == DECODES_VP9 ? "vp9" : "mjpeg";
}

/* The other two libraries: CUDA's memory, found by name as FFmpeg finds it, and the inner decoder beside this. */
static void open_libraries(void)
{
    char path[PATH_MAX];
    Dl_info here;
    void *cuda = dlopen("libcuda.so.1", RTLD_LAZY);
    if (cuda) {
        allocate = (int (*)(uint64_t *, size_t))dlsym(cuda, "cuMemAlloc_v2");
        release = (int (*)(uint64_t))dlsym(cuda, "cuMemFree_v2");
    }
    dladdr((void *)open_libraries, &here);
    int folder = (int)(strrchr(here.dli_fname, '/') - here.dli_fname);
    snprintf(path, sizeof path, "%.*s/" INNER_DECODER_LIBRARY, folder, here.dli_fname);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (library)
        inner = dlsym(library, INNER_DECODER_FUNCTIONS);
    else
        trace("complaint inner decoder: %s", dlerror());
}

static bool has_libraries(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_libraries);
    return inner && allocate && release;
}

EXPORT int cuvidGetDecoderCaps(CuvidCapabilities *caps)
{
    caps->bIsSupported = (codec_of(caps->eCodecType) & decodable_codecs()) && caps->eChromaFormat == CHROMA_420 &&
                         !caps->nBitDepthMinus8;
    caps->nNumNVDECs = 1;
    caps->nOutputFormatMask = 1;
    caps->nMaxWidth = caps->nMaxHeight = 4096;
    caps->nMaxMBCount = 65536;
    caps->nMinWidth = 48;
    caps->nMinHeight = 16;
    return CUDA_SUCCESS;
}

EXPORT int cuvidCreateDecoder(Decoder **result, const CuvidCreate *wanted)
{
    int codec = codec_of(wanted->CodecType) & decodable_codecs();
    if (wanted->ulNumDecodeSurfaces > MOST_SURFACES)
        return CUDA_INVALID_VALUE;
    if (!codec || !has_libraries())
        return CUDA_NOT_SUPPORTED;
    Decoder *decoder = calloc(1, sizeof *decoder);
    decoder->codec = codec;
    decoder->width = (int)wanted->ulTargetWidth;
    decoder->height = (int)wanted->ulTargetHeight;
    decoder->inner = inner->open(codec);
    pthread_mutex_init(&decoder->lock, NULL);
    if (!decoder->inner) {
        free(decoder);
        return CUDA_UNKNOWN;
    }
    *result = decoder;
    return CUDA_SUCCESS;
}

EXPORT int cuvidDestroyDecoder(Decoder *decoder)
{
    inner->close(decoder->inner);
    pthread_mutex_destroy(&decoder->lock);
    free(decoder);
    return CUDA_SUCCESS;
}

/* Gives the headers only when they are not the ones sent before: a decoder starts anew at each new set. */
static size_t headers_of(Decoder *decoder, const CuvidPicture *picture, uint8_t *headers)
{
    if (decoder->codec != DECODES_H264)
        return 0;
    decoder->may_be_mbaff |= picture->MbaffFrameFlag;
    size_t length = h264_headers(picture, decoder->may_be_mbaff, headers);
    if (length == decoder->headers_length && !memcmp(headers, decoder->headers, length))
        return 0;
    memcpy(decoder->headers, headers, length);
    decoder->headers_length = length;
    return length;
}

EXPORT int cuvidDecodePicture(Decoder *decoder, const CuvidPicture *picture)
{
    uint8_t headers[LARGEST_HEADERS];
    if (picture->CurrPicIdx < 0 || picture->CurrPicIdx >= SURFACES)
        return CUDA_INVALID_VALUE;
    pthread_mutex_lock(&decoder->lock);
    size_t headers_length = headers_of(decoder, picture, headers);
    int begun = inner->decode(decoder->inner, picture->CurrPicIdx, headers, headers_length, picture->pBitstreamData,
                              picture->nBitstreamDataLen);
    pthread_mutex_unlock(&decoder->lock);
    trace("decode %s %d", name_of(decoder->codec), picture->CurrPicIdx);
    if (begun < 0 || (!begun && !picture->second_field))
        trace("complaint inner decoder: no picture (%d)", begun); /* a card says nothing either */
    return CUDA_SUCCESS;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* FFmpeg looks for chroma right after the rows that it asked for, also where their number is odd. */
static void write_nv12(const InnerPicture *from, uint8_t *to, size_t pitch, int width, int height)
{
    uint8_t *chroma = to + pitch * height;
    int columns = smaller(from->width, width), rows = smaller(from->height, height);
    for (int y = 0; y < rows; y++)
        memcpy(to + pitch * y, from->planes[0] + (ptrdiff_t)from->pitches[0] * y, columns);
    for (int y = 0; y < (rows + 1) / 2; y++)
        for (int x = 0; x < (columns + 1) / 2; x++) {
            chroma[pitch * y + 2 * x] = from->planes[1][(ptrdiff_t)from->pitches[1] * y + x];
            chroma[pitch * y + 2 * x + 1] = from->planes[2][(ptrdiff_t)from->pitches[2] * y + x];
        }
}

EXPORT int cuvidMapVideoFrame64(Decoder *decoder, int surface, unsigned long long *address, unsigned *pitch,
                                void *processing)
{
    InnerPicture picture;
    uint64_t memory;
    (void)processing;
    *pitch = (unsigned)(decoder->width + DEVICE_ALIGNMENT - 1) / DEVICE_ALIGNMENT * DEVICE_ALIGNMENT;
    int error = allocate(&memory, (size_t)*pitch * (decoder->height + (decoder->height + 1) / 2));
    if (error)
        return error;
    pthread_mutex_lock(&decoder->lock);
    if (inner->picture(decoder->inner, surface & (SURFACES - 1), &picture))
        write_nv12(&picture, (uint8_t *)memory, *pitch, decoder->width, decoder->height);
    else
        trace("complaint surface %d is shown and was never decoded", surface);
    pthread_mutex_unlock(&decoder->lock);
    *address = memory;
    return CUDA_SUCCESS;
}

EXPORT int cuvidUnmapVideoFrame64(Decoder *decoder, unsigned long long address)
{
    (void)decoder;
    return release(address);
}

EXPORT int cuvidGetDecodeStatus(Decoder *decoder, int surface, int *status)
{
    (void)decoder, (void)surface;
    *status = 2; /* decoded without an error */
    return CUDA_SUCCESS;
}

EXPORT int cuvidCtxLockCreate(void **lock, void *context)
{
    (void)context;
    *lock = malloc(1);
    return CUDA_SUCCESS;
}

EXPORT int cuvidCtxLockDestroy(void *lock)
{
    free(lock);
    return CUDA_SUCCESS;
}

EXPORT int cuvidCtxLock(void *lock, unsigned flags)
{
    (void)lock, (void)flags;
    return CUDA_SUCCESS;
}

EXPORT int cuvidCtxUnlock(void *lock, unsigned flags)
{
    (void)lock, (void)flags;
    return CUDA_SUCCESS;
}

/* The parser and the sources belong to the h264_cuvid family of decoders, which nothing here uses; FFmpeg's loader
   wants the names. */
#define NOT_HERE(name) \
    EXPORT int name(void) \
    { \
        trace("complaint %s is not supported", #name); \
        return CUDA_NOT_SUPPORTED; \
    }
NOT_HERE(cuvidCreateVideoParser)
NOT_HERE(cuvidCreateVideoSource)
NOT_HERE(cuvidCreateVideoSourceW)
NOT_HERE(cuvidDecodePictureAsync)
NOT_HERE(cuvidDestroyVideoParser)
NOT_HERE(cuvidDestroyVideoSource)
NOT_HERE(cuvidGetSourceAudioFormat)
NOT_HERE(cuvidGetSourceVideoFormat)
NOT_HERE(cuvidGetVideoSourceState)
NOT_HERE(cuvidParseVideoData)
NOT_HERE(cuvidReconfigureDecoder)
NOT_HERE(cuvidRegisterDecodeSurfaces)
NOT_HERE(cuvidSetVideoSourceState)
