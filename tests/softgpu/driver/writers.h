/* The lossless writers behind NVENC, and the picture that they take. */
#ifndef WRITERS_H
#define WRITERS_H

#include "bits.h"

/* What the parameter sets say; zero where the caller gave nothing. */
typedef struct {
    int width, height; /* shown; the picture itself is padded to macroblocks */
    int depth;         /* 8, or 10 for HEVC */
    int profile;       /* H.264 only: 66, 77 or 100 */
    int level;
    uint32_t rate, rate_base; /* frames per second */
    uint32_t sar_width, sar_height;
    bool has_signal_type, has_colours;
    uint32_t video_format, full_range, primaries, transfer, matrix;
} Stream;

/* Planar 4:2:0 in whole macroblocks of 16 x 16; 16-bit samples when the depth is above 8. */
typedef struct {
    int columns, rows; /* macroblocks */
    size_t pitches[3];
    uint8_t *planes[3];
} Picture;

/* Numbers are NVENC's NV_ENC_PIC_TYPE. */
typedef enum { PICTURE_P = 0, PICTURE_I = 2, PICTURE_IDR = 3 } PictureType;

typedef struct {
    uint32_t since_idr; /* pictures */
    uint32_t idr_count;
} Position;

/* Each returns the number of bytes written to `to`. `scratch` and `to` hold largest_picture_bytes(). */
size_t h264_parameter_sets(const Stream *stream, uint8_t *to);
size_t h264_picture(const Picture *now, const Picture *before, PictureType type, const Position *at, uint8_t *to,
                    uint8_t *scratch);
size_t hevc_parameter_sets(const Stream *stream, uint8_t *to);
size_t hevc_picture(const Picture *now, int depth, PictureType type, const Position *at, uint8_t *to,
                    uint8_t *scratch);

enum { LARGEST_PARAMETER_SETS = 1024 };

static inline size_t largest_picture_bytes(const Picture *picture)
{
    /* Three bytes a sample for 10 bits and escapes, some more for slice and macroblock headers. */
    return (size_t)picture->columns * picture->rows * (16 * 16 * 3 / 2 * 3 + 16) + 4096;
}

/* The first part of the usability information, which H.264 and HEVC share. */
static inline void put_signal(Bits *bits, const Stream *stream)
{
    bool has_sar = stream->sar_width && stream->sar_height;
    put_bit(bits, has_sar);
    if (has_sar) {
        put_bits(bits, 8, 255); /* given as two numbers */
        put_bits(bits, 16, stream->sar_width);
        put_bits(bits, 16, stream->sar_height);
    }
    put_bit(bits, 0); /* overscan */
    put_bit(bits, stream->has_signal_type);
    if (stream->has_signal_type) {
        put_bits(bits, 3, stream->video_format);
        put_bit(bits, stream->full_range);
        put_bit(bits, stream->has_colours);
        if (stream->has_colours) {
            put_bits(bits, 8, stream->primaries);
            put_bits(bits, 8, stream->transfer);
            put_bits(bits, 8, stream->matrix);
        }
    }
    put_bit(bits, 0); /* chroma location */
}

#endif
