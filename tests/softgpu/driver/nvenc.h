/* The encoder library's inside. */
#ifndef NVENC_H
#define NVENC_H

#include "driver.h"
#include "nvenc_api.h"
#include "writers.h"

/* Documented for H.264; for HEVC believed. A probe with a picture below this fails, on cards too. */
#define SMALLEST_WIDTH(h264) ((h264) ? 145 : 129)
#define SMALLEST_HEIGHT(h264) ((h264) ? 49 : 33)

/* Pixels to encode: a buffer of the encoder's own, or somebody's device memory. */
typedef struct {
    uint8_t *pixels;
    uint32_t pitch, height; /* the second plane starts at pitch * height */
    uint32_t format;
} Surface;

typedef struct {
    Stream stream;
    bool is_hevc, initialized, headers_with_idr;
    uint32_t gop_length, encoded;
    Position position;
    Picture pictures[2]; /* the one at work, and the one before it */
    uint8_t *scratch;
    char error[200];
} Encoder;

int nvenc_fail(Encoder *encoder, int status, const char *message);

int nvenc_codec_count(Encoder *encoder, uint32_t *count);
int nvenc_codecs(Encoder *encoder, Guid *guids, uint32_t room, uint32_t *count);
int nvenc_capability(Encoder *encoder, Guid codec, const NvencCapability *asked, int *value);
int nvenc_preset(Encoder *encoder, Guid codec, Guid preset, uint32_t tuning, NvencPreset *result);

int nvenc_create_input(Encoder *encoder, NvencCreateInput *wanted);
int nvenc_destroy_input(Encoder *encoder, Surface *surface);
int nvenc_lock_input(Encoder *encoder, NvencLockInput *lock);
int nvenc_unlock_input(Encoder *encoder, Surface *surface);
int nvenc_register(Encoder *encoder, NvencRegister *wanted);
int nvenc_unregister(Encoder *encoder, Surface *surface);
int nvenc_map(Encoder *encoder, NvencMap *map);
int nvenc_unmap(Encoder *encoder, Surface *surface);

/* Fills the picture, padding included; false for a format that the codec does not take. */
bool read_surface(const Surface *surface, const Stream *stream, Picture *picture);

#endif
