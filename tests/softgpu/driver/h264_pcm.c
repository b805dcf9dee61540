/*
 * H.264 without compression. A macroblock is I_PCM, its samples as they are, or, in a P picture, P_Skip where it
 * equals the same place of the picture before. Deblocking is off, so a decoder gives back exactly what went in. One
 * slice a picture, one reference, pictures in display order.
 */
#include "writers.h"

enum { FRAME_NUMBER_BITS = 4 };

static void put_cropping(Bits *bits, int right, int bottom)
{
    put_bit(bits, right || bottom);
    if (!right && !bottom)
        return;
    put_ue(bits, 0);
    put_ue(bits, right / 2);
    put_ue(bits, 0);
    put_ue(bits, bottom / 2);
}

static void put_usability(Bits *bits, const Stream *stream)
{
    put_signal(bits, stream);
    put_bit(bits, 1); /* timing: a tick is half a frame */
    put_bits(bits, 32, stream->rate_base);
    put_bits(bits, 32, stream->rate * 2);
    put_bit(bits, 0);     /* frame rate not fixed */
    put_bits(bits, 2, 0); /* no hypothetical decoder */
    put_bit(bits, 0);     /* no picture structure */
    put_bit(bits, 1);     /* restrictions, for the one that no picture is reordered */
    put_bit(bits, 1);
    put_ue(bits, 0);
    put_ue(bits, 0);
    put_ue(bits, 16);
    put_ue(bits, 16);
    put_ue(bits, 0); /* reordered pictures */
    put_ue(bits, 1); /* pictures kept */
}

static void put_sequence(Bits *bits, const Stream *stream)
{
    int columns = (stream->width + 15) / 16, rows = (stream->height + 15) / 16;
    put_bits(bits, 8, stream->profile);
    put_bits(bits, 8, stream->profile == 66 ? 0xC0 : stream->profile == 77 ? 0x40 : 0); /* profiles it conforms to */
    put_bits(bits, 8, stream->level);
    put_ue(bits, 0); /* its number */
    if (stream->profile >= 100) {
        put_ue(bits, 1); /* 4:2:0 */
        put_ue(bits, 0); /* 8 bits luma */
        put_ue(bits, 0); /* 8 bits chroma */
        put_bit(bits, 0);
        put_bit(bits, 0); /* no scaling matrix */
    }
    put_ue(bits, FRAME_NUMBER_BITS - 4);
    put_ue(bits, 2); /* display order is decoding order */
    put_ue(bits, 1); /* reference pictures */
    put_bit(bits, 0);
    put_ue(bits, columns - 1);
    put_ue(bits, rows - 1);
    put_bit(bits, 1); /* frames only */
    put_bit(bits, 1); /* 8x8 inference */
    put_cropping(bits, columns * 16 - stream->width, rows * 16 - stream->height);
    put_bit(bits, 1);
    put_usability(bits, stream);
    put_stop_bit(bits);
}

static void put_picture_parameters(Bits *bits)
{
    put_ue(bits, 0);
    put_ue(bits, 0);
    put_bit(bits, 0); /* variable-length codes, not arithmetic */
    put_bit(bits, 0);
    put_ue(bits, 0); /* one slice group */
    put_ue(bits, 0);
    put_ue(bits, 0);
    put_bits(bits, 3, 0); /* no weighted prediction */
    put_se(bits, 0);
    put_se(bits, 0);
    put_se(bits, 0);
    put_bit(bits, 1); /* slices say whether they are deblocked */
    put_bits(bits, 2, 0);
    put_stop_bit(bits);
}

size_t h264_parameter_sets(const Stream *stream, uint8_t *to)
{
    uint8_t bytes[256];
    Bits bits = {.bytes = bytes};
    put_sequence(&bits, stream);
    size_t length = write_nal(to, (uint8_t[]){0x67}, 1, &bits);
    bits = (Bits){.bytes = bytes};
    put_picture_parameters(&bits);
    return length + write_nal(to + length, (uint8_t[]){0x68}, 1, &bits);
}

static void put_slice_header(Bits *bits, PictureType type, const Position *at)
{
    put_ue(bits, 0);
    put_ue(bits, type == PICTURE_P ? 5 : 7);
    put_ue(bits, 0);
    put_bits(bits, FRAME_NUMBER_BITS, at->since_idr);
    if (type == PICTURE_IDR)
        put_ue(bits, at->idr_count & 1); /* neighbours must differ */
    if (type == PICTURE_P)
        put_bits(bits, 2, 0); /* references as they are */
    put_bits(bits, type == PICTURE_IDR ? 2 : 1, 0);
    put_se(bits, 0);
    put_ue(bits, 1); /* no deblocking */
}

static const uint8_t *block_of(const Picture *picture, int plane, int column, int row)
{
    int size = plane ? 8 : 16;
    return picture->planes[plane] + (size_t)row * size * picture->pitches[plane] + column * size;
}

static bool same_block(const Picture *now, const Picture *before, int column, int row)
{
    for (int plane = 0; plane < 3; plane++) {
        const uint8_t *a = block_of(now, plane, column, row), *b = block_of(before, plane, column, row);
        for (int y = 0; y < (plane ? 8 : 16); y++)
            if (memcmp(a + y * now->pitches[plane], b + y * before->pitches[plane], plane ? 8 : 16))
                return false;
    }
    return true;
}

static void put_samples(Bits *bits, const Picture *picture, int column, int row)
{
    align_with_zeros(bits);
    for (int plane = 0; plane < 3; plane++) {
        const uint8_t *block = block_of(picture, plane, column, row);
        int size = plane ? 8 : 16;
        for (int y = 0; y < size; y++, bits->length += size)
            memcpy(bits->bytes + bits->length, block + y * picture->pitches[plane], size);
    }
}

size_t h264_picture(const Picture *now, const Picture *before, PictureType type, const Position *at, uint8_t *to,
                    uint8_t *scratch)
{
    Bits bits = {.bytes = scratch};
    uint32_t skipped = 0;
    put_slice_header(&bits, type, at);
    for (int i = 0; i < now->columns * now->rows; i++) {
        int column = i % now->columns, row = i / now->columns;
        if (type == PICTURE_P && same_block(now, before, column, row)) {
            skipped++;
            continue;
        }
        if (type == PICTURE_P)
            put_ue(&bits, skipped);
        skipped = 0;
        put_ue(&bits, type == PICTURE_P ? 30 : 25); /* I_PCM, after the five types of P */
        put_samples(&bits, now, column, row);
    }
    if (skipped)
        put_ue(&bits, skipped);
    put_stop_bit(&bits);
    return write_nal(to, (uint8_t[]){type == PICTURE_IDR ? 0x65 : 0x61}, 1, &bits);
}
