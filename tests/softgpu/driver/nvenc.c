/* libnvidia-encode.so.1: sessions, pictures in, bitstream out. */
#include "nvenc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint8_t *bytes;
    size_t length, capacity;
    uint64_t time_stamp, duration;
    PictureType type;
    uint32_t number;
} Bitstream;

static atomic_int open_sessions;

/* FFmpeg prints the message after the status. */
int nvenc_fail(Encoder *encoder, int status, const char *message)
{
    snprintf(encoder->error, sizeof encoder->error, "%s", message);
    return status;
}

static const char *last_error(const Encoder *encoder)
{
    return encoder ? encoder->error : "";
}

/* ---- sessions ---- */

static int open_session(const NvencOpenSession *wanted, Encoder **encoder)
{
    int asked = (wanted->apiVersion & 0xff) << 4 | wanted->apiVersion >> 24;
    *encoder = NULL;
    if (!personality()->nvenc)
        return NVENC_UNSUPPORTED_DEVICE;
    if (asked > nvenc_version())
        return NVENC_INVALID_VERSION;
    if (!wanted->device)
        return NVENC_INVALID_DEVICE;
    if (session_limit() != UNLIMITED && open_sessions >= session_limit())
        return session_error();
    open_sessions++;
    *encoder = calloc(1, sizeof **encoder);
    return NVENC_SUCCESS;
}

static int close_session(Encoder *encoder)
{
    for (int i = 0; i < 2; i++)
        free(encoder->pictures[i].planes[0]);
    free(encoder->scratch);
    free(encoder);
    open_sessions--;
    return NVENC_SUCCESS;
}

static void allocate_picture(Picture *picture, const Stream *stream)
{
    int sample = stream->depth > 8 ? 2 : 1;
    picture->columns = (stream->width + 15) / 16;
    picture->rows = (stream->height + 15) / 16;
    size_t luma = (size_t)picture->columns * picture->rows * 256 * sample;
    free(picture->planes[0]);
    picture->planes[0] = calloc(luma * 3 / 2, 1);
    picture->planes[1] = picture->planes[0] + luma;
    picture->planes[2] = picture->planes[1] + luma / 4;
    for (int plane = 0; plane < 3; plane++)
        picture->pitches[plane] = (size_t)picture->columns * (plane ? 8 : 16) * sample;
}

/* A level that holds the sample rate, close to what an encoder would choose. */
static int level_for(bool is_hevc, uint64_t samples_per_second)
{
    static const struct { uint64_t most; int h264, hevc; } levels[] = {
        {10368000, 30, 93}, {27648000, 31, 93}, {62914560, 40, 120}, {125829120, 42, 123}, {534773760, 52, 153},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (samples_per_second <= levels[i].most)
            return is_hevc ? levels[i].hevc : levels[i].h264;
    return is_hevc ? 186 : 62;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* NVENC is told the shape of the whole picture, the stream says the shape of a pixel. */
static void set_pixel_shape(Stream *stream, const NvencInitialize *wanted)
{
    uint64_t width = (uint64_t)wanted->darWidth * wanted->encodeHeight;
    uint64_t height = (uint64_t)wanted->darHeight * wanted->encodeWidth;
    uint64_t divisor = common_divisor(width, height);
    if (!width || !height || width / divisor > 65535 || height / divisor > 65535)
        return;
    stream->sar_width = (uint32_t)(width / divisor);
    stream->sar_height = (uint32_t)(height / divisor);
}

static void set_signal(Stream *stream, const NvencSignal *signal)
{
    stream->has_signal_type = signal->videoSignalTypePresentFlag;
    stream->video_format = signal->videoFormat;
    stream->full_range = signal->videoFullRangeFlag;
    stream->has_colours = signal->colourDescriptionPresentFlag;
    stream->primaries = signal->colourPrimaries;
    stream->transfer = signal->transferCharacteristics;
    stream->matrix = signal->colourMatrix;
}

static void set_stream(Encoder *encoder, const NvencInitialize *wanted)
{
    const NvencConfig *config = wanted->encodeConfig;
    Guid profile = config->profileGUID;
    Stream *stream = &encoder->stream;
    uint64_t rate = wanted->frameRateDen ? wanted->frameRateNum / wanted->frameRateDen : 25;
    uint32_t level = encoder->is_hevc ? config->hevcLevel : config->h264Level;

    *stream = (Stream){
        .width = wanted->encodeWidth & ~1,
        .height = wanted->encodeHeight & ~1,
        .depth = encoder->is_hevc && same_guid(&profile, &profile_hevc_main10) ? 10 : 8,
        .profile = same_guid(&profile, &profile_h264_high)       ? 100
                   : same_guid(&profile, &profile_h264_baseline) ? 66
                                                                 : 77,
        .rate = wanted->frameRateNum,
        .rate_base = wanted->frameRateDen,
    };
    stream->level = level ? (int)level : level_for(encoder->is_hevc, (uint64_t)stream->width * stream->height * rate);
    set_pixel_shape(stream, wanted);
    set_signal(stream, (const NvencSignal *)(encoder->is_hevc ? &config->hevcSignal : &config->h264Signal));
    encoder->headers_with_idr = encoder->is_hevc ? !(config->hevcFlags & 0x40) : !(config->h264Flags & 0x80);
    /* frameIntervalP 0 is "every picture intra", gopLength ~0 "never again". */
    encoder->gop_length = config->frameIntervalP ? config->gopLength : 1;
}

static int initialize(Encoder *encoder, const NvencInitialize *wanted)
{
    Guid codec = wanted->encodeGUID;
    bool h264 = same_guid(&codec, &codec_h264);
    encoder->is_hevc = same_guid(&codec, &codec_hevc);
    if (!h264 && !encoder->is_hevc)
        return nvenc_fail(encoder, NVENC_UNSUPPORTED_PARAM, "The software driver has no writer for this codec.");
    if ((int)wanted->encodeWidth < SMALLEST_WIDTH(h264) || (int)wanted->encodeHeight < SMALLEST_HEIGHT(h264))
        return nvenc_fail(encoder, NVENC_INVALID_PARAM, "Frame Dimension less than the minimum supported value.");
    set_stream(encoder, wanted);
    for (int i = 0; i < 2; i++)
        allocate_picture(&encoder->pictures[i], &encoder->stream);
    free(encoder->scratch);
    encoder->scratch = malloc(largest_picture_bytes(&encoder->pictures[0]));
    encoder->initialized = true;
    return encoder->scratch ? NVENC_SUCCESS : NVENC_OUT_OF_MEMORY;
}

static size_t write_headers(const Encoder *encoder, uint8_t *to)
{
    return (encoder->is_hevc ? hevc_parameter_sets : h264_parameter_sets)(&encoder->stream, to);
}

static int headers(const Encoder *encoder, NvencHeaders *wanted)
{
    uint8_t bytes[LARGEST_PARAMETER_SETS];
    size_t length = write_headers(encoder, bytes);
    if (length > wanted->inBufferSize)
        return NVENC_NOT_ENOUGH_BUFFER;
    memcpy(wanted->spsppsBuffer, bytes, length);
    *wanted->outSPSPPSPayloadSize = (uint32_t)length;
    return NVENC_SUCCESS;
}

/* ---- pictures ---- */

static int create_bitstream(Encoder *encoder, NvencCreateBitstream *wanted)
{
    (void)encoder;
    wanted->bitstreamBuffer = calloc(1, sizeof(Bitstream));
    return NVENC_SUCCESS;
}

static int destroy_bitstream(Encoder *encoder, Bitstream *bitstream)
{
    (void)encoder;
    free(bitstream->bytes);
    free(bitstream);
    return NVENC_SUCCESS;
}

static PictureType next_type(const Encoder *encoder, uint32_t flags)
{
    bool due = encoder->gop_length && encoder->position.since_idr >= encoder->gop_length;
    if (!encoder->encoded || due || flags & PICTURE_FORCE_IDR)
        return PICTURE_IDR;
    return encoder->is_hevc || flags & PICTURE_FORCE_INTRA ? PICTURE_I : PICTURE_P;
}

static size_t write_picture(Encoder *encoder, PictureType type, uint8_t *to)
{
    const Picture *now = &encoder->pictures[0], *before = &encoder->pictures[1];
    if (encoder->is_hevc)
        return hevc_picture(now, encoder->stream.depth, type, &encoder->position, to, encoder->scratch);
    return h264_picture(now, before, type, &encoder->position, to, encoder->scratch);
}

static void swap_pictures(Encoder *encoder)
{
    Picture now = encoder->pictures[0];
    encoder->pictures[0] = encoder->pictures[1];
    encoder->pictures[1] = now;
}

static int encode(Encoder *encoder, const NvencPicture *wanted)
{
    static const char *const names[] = {[PICTURE_P] = "P", [PICTURE_I] = "I", [PICTURE_IDR] = "IDR"};
    Bitstream *out = wanted->outputBitstream;
    if (wanted->encodePicFlags & PICTURE_END)
        return NVENC_SUCCESS;
    if (!encoder->initialized)
        return NVENC_NOT_INITIALIZED;
    if (!out || !wanted->inputBuffer)
        return nvenc_fail(encoder, NVENC_INVALID_PARAM, "No input or output buffer.");
    if (!read_surface(wanted->inputBuffer, &encoder->stream, &encoder->pictures[0]))
        return nvenc_fail(encoder, NVENC_UNSUPPORTED_PARAM, "The software driver does not read this pixel format.");

    size_t needed = largest_picture_bytes(&encoder->pictures[0]) + LARGEST_PARAMETER_SETS;
    if (out->capacity < needed)
        out->bytes = realloc(out->bytes, out->capacity = needed);
    out->type = next_type(encoder, wanted->encodePicFlags);
    out->length = 0;
    if (out->type == PICTURE_IDR) {
        encoder->position.since_idr = 0;
        encoder->position.idr_count++;
        if (encoder->headers_with_idr || wanted->encodePicFlags & PICTURE_WRITE_HEADERS)
            out->length = write_headers(encoder, out->bytes);
    }
    out->length += write_picture(encoder, out->type, out->bytes + out->length);
    out->time_stamp = wanted->inputTimeStamp;
    out->duration = wanted->inputDuration;
    out->number = encoder->encoded++;
    encoder->position.since_idr++;
    swap_pictures(encoder);
    trace("encode %s %s %zu", encoder->is_hevc ? "hevc" : "h264", names[out->type], out->length);
    return NVENC_SUCCESS;
}

static int lock_bitstream(Encoder *encoder, NvencLockBitstream *lock)
{
    (void)encoder;
    const Bitstream *out = lock->outputBitstream;
    lock->bitstreamBufferPtr = out->bytes;
    lock->bitstreamSizeInBytes = (uint32_t)out->length;
    lock->outputTimeStamp = out->time_stamp;
    lock->outputDuration = out->duration;
    lock->pictureType = out->type;
    lock->pictureStruct = 1; /* a frame */
    lock->frameIdx = out->number;
    lock->frameAvgQP = 1;
    lock->numSlices = 1;
    return NVENC_SUCCESS;
}

/* ---- the list of functions ---- */

static int nothing_to_do(void)
{
    return NVENC_SUCCESS;
}

static int unimplemented(void)
{
    return NVENC_UNIMPLEMENTED;
}

EXPORT int NvEncodeAPIGetMaxSupportedVersion(uint32_t *version)
{
    *version = nvenc_version();
    return NVENC_SUCCESS;
}

/* The caller's structure: a version, then pointers in the order of the API. */
EXPORT int NvEncodeAPICreateInstance(void **list)
{
    static const struct { int index; void *function; } functions[] = {
        {2, nvenc_codec_count},  {5, nvenc_codecs},        {8, nvenc_capability},    {12, initialize},
        {13, nvenc_create_input}, {14, nvenc_destroy_input}, {15, create_bitstream},  {16, destroy_bitstream},
        {17, encode},            {18, lock_bitstream},     {19, nothing_to_do},      {20, nvenc_lock_input},
        {21, nvenc_unlock_input}, {23, headers},            {26, nvenc_map},          {27, nvenc_unmap},
        {28, close_session},     {30, open_session},       {31, nvenc_register},     {32, nvenc_unregister},
        {33, nothing_to_do},     {38, last_error},         {39, nothing_to_do},      {40, nvenc_preset},
    };
    for (int index = 1; index <= 40; index++)
        list[index] = unimplemented;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        list[functions[i].index] = functions[i].function;
    return NVENC_SUCCESS;
}
