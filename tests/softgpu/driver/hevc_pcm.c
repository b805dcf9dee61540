/*
 * HEVC without compression, 8 or 10 bits. A picture is one slice of coding units of 16 x 16, each of which says
 * "PCM" and holds its samples. Two bins a unit go through the arithmetic coder: part_mode, always the more probable
 * value of its one context, and pcm_flag, which terminates the coder. Every picture is intra coded.
 */
#include "writers.h"

enum { ORDER_COUNT_BITS = 8 };

/* ---- parameter sets ---- */

static void put_profile(Bits *bits, const Stream *stream)
{
    int profile = stream->depth > 8 ? 2 : 1; /* Main 10, Main */
    put_bits(bits, 3, 0);
    put_bits(bits, 5, profile);
    for (int i = 0; i < 32; i++)
        put_bit(bits, i == 2 || i == profile); /* what is Main is Main 10 too */
    put_bits(bits, 4, 9);                      /* progressive, frames only */
    put_bits(bits, 32, 0);
    put_bits(bits, 12, 0);
    put_bits(bits, 8, stream->level);
}

static void put_buffering(Bits *bits)
{
    put_bit(bits, 1);
    put_ue(bits, 0); /* one picture is kept */
    put_ue(bits, 0); /* none reordered */
    put_ue(bits, 0);
}

static void put_video(Bits *bits, const Stream *stream)
{
    put_bits(bits, 4, 0);
    put_bits(bits, 2, 3); /* the base layer is here */
    put_bits(bits, 6, 0);
    put_bits(bits, 3, 0);
    put_bit(bits, 1);
    put_bits(bits, 16, 0xFFFF);
    put_profile(bits, stream);
    put_buffering(bits);
    put_bits(bits, 6, 0);
    put_ue(bits, 0);
    put_bits(bits, 2, 0);
    put_stop_bit(bits);
}

static void put_usability(Bits *bits, const Stream *stream)
{
    put_bit(bits, 1);
    put_signal(bits, stream);
    put_bits(bits, 3, 0);
    put_bit(bits, 0); /* no display window */
    put_bit(bits, 1); /* timing */
    put_bits(bits, 32, stream->rate_base);
    put_bits(bits, 32, stream->rate);
    put_bits(bits, 2, 0);
    put_bit(bits, 0);
}

static void put_block_sizes(Bits *bits)
{
    put_ue(bits, 1); /* coding blocks of 16, */
    put_ue(bits, 0); /* that are the largest too */
    put_ue(bits, 0); /* transforms from 4 */
    put_ue(bits, 2); /* to 16 */
    put_ue(bits, 0);
    put_ue(bits, 0);
}

static void put_sequence(Bits *bits, const Stream *stream)
{
    int right = -stream->width & 15, bottom = -stream->height & 15;
    put_bits(bits, 4, 0);
    put_bits(bits, 3, 0);
    put_bit(bits, 1);
    put_profile(bits, stream);
    put_ue(bits, 0);
    put_ue(bits, 1); /* 4:2:0 */
    put_ue(bits, stream->width + right);
    put_ue(bits, stream->height + bottom);
    put_bit(bits, 1);
    put_ue(bits, 0);
    put_ue(bits, right / 2);
    put_ue(bits, 0);
    put_ue(bits, bottom / 2);
    put_ue(bits, stream->depth - 8);
    put_ue(bits, stream->depth - 8);
    put_ue(bits, ORDER_COUNT_BITS - 4);
    put_buffering(bits);
    put_block_sizes(bits);
    put_bits(bits, 3, 0); /* scaling lists, asymmetric motion, sample adaptive offset */
    put_bit(bits, 1);     /* PCM: */
    put_bits(bits, 4, stream->depth - 1);
    put_bits(bits, 4, stream->depth - 1);
    put_ue(bits, 1); /* in units of 16, */
    put_ue(bits, 0);
    put_bit(bits, 1); /* not touched by a loop filter */
    put_ue(bits, 0);  /* no sets of references */
    put_bits(bits, 3, 0);
    put_usability(bits, stream);
    put_bit(bits, 0);
    put_stop_bit(bits);
}

static void put_picture_parameters(Bits *bits)
{
    put_ue(bits, 0);
    put_ue(bits, 0);
    put_bits(bits, 2, 0);
    put_bits(bits, 3, 0);
    put_bits(bits, 2, 0);
    put_ue(bits, 0);
    put_ue(bits, 0);
    put_se(bits, 0);      /* quantizer 26 */
    put_bits(bits, 3, 0);
    put_se(bits, 0);
    put_se(bits, 0);
    put_bits(bits, 7, 0); /* ... tiles, wavefronts, filters across slices */
    put_bit(bits, 1);     /* deblocking: */
    put_bit(bits, 0);
    put_bit(bits, 1);     /* off */
    put_bits(bits, 2, 0);
    put_ue(bits, 0);
    put_bits(bits, 2, 0);
    put_stop_bit(bits);
}

size_t hevc_parameter_sets(const Stream *stream, uint8_t *to)
{
    uint8_t bytes[256];
    Bits bits = {.bytes = bytes};
    put_video(&bits, stream);
    size_t length = write_nal(to, (uint8_t[]){32 << 1, 1}, 2, &bits);
    bits = (Bits){.bytes = bytes};
    put_sequence(&bits, stream);
    length += write_nal(to + length, (uint8_t[]){33 << 1, 1}, 2, &bits);
    bits = (Bits){.bytes = bytes};
    put_picture_parameters(&bits);
    return length + write_nal(to + length, (uint8_t[]){34 << 1, 1}, 2, &bits);
}

/* ---- the arithmetic coder, as far as it is needed ---- */

typedef struct {
    Bits *bits;
    uint32_t low, range;
    int outstanding;
    bool at_start;
} Coder;

/* By the context's state, the width of the less probable value's part while the range is 448 or more: here it always
   is, since the coder starts anew after every PCM unit. */
static const uint8_t less_probable[63] = {
    240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110, 104, 99, 94, 89, 85,
    80, 76, 72, 69, 65, 62, 59, 56, 53, 50, 48, 45, 43, 41, 39, 37, 35, 33, 31, 30, 28,
    27, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 14, 13, 12, 12, 11, 11, 10, 9,
};

static void start_coder(Coder *coder)
{
    coder->low = 0;
    coder->range = 510;
    coder->outstanding = 0;
    coder->at_start = true;
}

static void put_coded(Coder *coder, unsigned bit)
{
    if (!coder->at_start)
        put_bit(coder->bits, bit);
    coder->at_start = false;
    for (; coder->outstanding; coder->outstanding--)
        put_bit(coder->bits, !bit);
}

static void renormalize(Coder *coder)
{
    for (; coder->range < 256; coder->range <<= 1, coder->low <<= 1) {
        if (coder->low < 256) {
            put_coded(coder, 0);
        } else if (coder->low >= 512) {
            coder->low -= 512;
            put_coded(coder, 1);
        } else {
            coder->low -= 256;
            coder->outstanding++;
        }
    }
}

static void put_more_probable(Coder *coder, int *state)
{
    coder->range -= less_probable[*state];
    *state += *state < 62;
    renormalize(coder);
}

/* A bin that says whether the coder ends here; when it does, its last bit is the stop bit or PCM's own. */
static void put_terminate(Coder *coder, bool ends)
{
    coder->range -= 2;
    if (!ends) {
        renormalize(coder);
        return;
    }
    coder->low += coder->range;
    coder->range = 2;
    renormalize(coder);
    put_coded(coder, coder->low >> 9 & 1);
    put_bits(coder->bits, 2, (coder->low >> 7 & 3) | 1);
    align_with_zeros(coder->bits);
}

/* ---- pictures ---- */

static void put_slice_header(Bits *bits, PictureType type, const Position *at)
{
    put_bit(bits, 1); /* first slice */
    if (type == PICTURE_IDR)
        put_bit(bits, 0);
    put_ue(bits, 0);
    put_ue(bits, 2); /* intra */
    if (type != PICTURE_IDR) {
        put_bits(bits, ORDER_COUNT_BITS, at->since_idr);
        put_bit(bits, 0);
        put_ue(bits, 0); /* no references before, */
        put_ue(bits, 0); /* nor after */
    }
    put_se(bits, 0);
    put_stop_bit(bits);
}

static void put_samples_8(Bits *bits, const uint8_t *block, size_t pitch, int size)
{
    for (int y = 0; y < size; y++, bits->length += size)
        memcpy(bits->bytes + bits->length, block + y * pitch, size);
}

/* Four samples of ten bits are five bytes. */
static void put_samples_10(Bits *bits, const uint8_t *block, size_t pitch, int size)
{
    for (int y = 0; y < size; y++) {
        const uint16_t *row = (const uint16_t *)(block + y * pitch);
        for (int x = 0; x < size; x += 4) {
            uint64_t four = row[x];
            for (int i = 1; i < 4; i++)
                four = four << 10 | row[x + i];
            for (int shift = 32; shift >= 0; shift -= 8)
                bits->bytes[bits->length++] = (uint8_t)(four >> shift);
        }
    }
}

static void put_unit(Bits *bits, const Picture *picture, int depth, int column, int row)
{
    for (int plane = 0; plane < 3; plane++) {
        int size = plane ? 8 : 16, sample = depth > 8 ? 2 : 1;
        size_t pitch = picture->pitches[plane];
        const uint8_t *block = picture->planes[plane] + (size_t)row * size * pitch + column * size * sample;
        (depth > 8 ? put_samples_10 : put_samples_8)(bits, block, pitch, size);
    }
}

size_t hevc_picture(const Picture *now, int depth, PictureType type, const Position *at, uint8_t *to,
                    uint8_t *scratch)
{
    Bits bits = {.bytes = scratch};
    Coder coder = {.bits = &bits};
    int units = now->columns * now->rows, state = 0;
    put_slice_header(&bits, type, at);
    start_coder(&coder);
    for (int i = 0; i < units; i++) {
        put_more_probable(&coder, &state); /* part_mode: undivided */
        put_terminate(&coder, true);       /* pcm_flag */
        put_unit(&bits, now, depth, i % now->columns, i / now->columns);
        start_coder(&coder);
        put_terminate(&coder, i == units - 1); /* end of slice */
    }
    return write_nal(to, (uint8_t[]){(type == PICTURE_IDR ? 19 : 1) << 1, 1}, 2, &bits);
}
