/* Writing the bits of H.264 and HEVC: fixed and variable lengths, and NAL units around them. */
#ifndef BITS_H
#define BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t *bytes;
    size_t length;      /* whole bytes written */
    unsigned unwritten; /* the bits after them */
    int unwritten_count;
} Bits;

static inline void put_bit(Bits *bits, unsigned bit)
{
    bits->unwritten = bits->unwritten << 1 | (bit & 1);
    if (++bits->unwritten_count < 8)
        return;
    bits->bytes[bits->length++] = (uint8_t)bits->unwritten;
    bits->unwritten = 0;
    bits->unwritten_count = 0;
}

static inline void put_bits(Bits *bits, int count, uint32_t value)
{
    while (count--)
        put_bit(bits, value >> count & 1);
}

/* ue(v): as many zeros as value + 1 has bits after its first, then value + 1. */
static inline void put_ue(Bits *bits, uint32_t value)
{
    int length = 31 - __builtin_clz(value + 1);
    put_bits(bits, length, 0);
    put_bits(bits, length + 1, value + 1);
}

static inline void put_se(Bits *bits, int value)
{
    put_ue(bits, value > 0 ? 2 * value - 1 : -2 * value);
}

static inline void align_with_zeros(Bits *bits)
{
    while (bits->unwritten_count)
        put_bit(bits, 0);
}

static inline void put_stop_bit(Bits *bits)
{
    put_bit(bits, 1);
    align_with_zeros(bits);
}

/* Start code, header, payload; a 3 is put wherever the payload would look like a start code. Returns the length. */
static inline size_t write_nal(uint8_t *to, const uint8_t *header, size_t header_length, const Bits *payload)
{
    static const uint8_t start_code[] = {0, 0, 0, 1};
    uint8_t *at = to;
    int zeros = 0;
    memcpy(at, start_code, sizeof start_code);
    at += sizeof start_code;
    memcpy(at, header, header_length);
    at += header_length;
    for (size_t i = 0; i < payload->length; i++) {
        uint8_t byte = payload->bytes[i];
        if (zeros == 2 && byte <= 3) {
            *at++ = 3;
            zeros = 0;
        }
        zeros = byte ? 0 : zeros + 1;
        *at++ = byte;
    }
    return at - to;
}

#endif
