/*
 * What every translated kernel includes. A PTX register is an unsigned integer that holds bits; the functions here
 * read those bits as a float, or do what one PTX instruction does and C has no operator for.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* A pitched two-dimensional texture over device memory, as cuTexObjectCreate makes it. */
typedef struct {
    const uint8_t *pixels;
    int bytes_per_channel; /* 1 or 2 */
    int channels, width, height;
    int64_t pitch;
    int linear;            /* interpolate between the four nearest, else take the nearest */
    int reads_floats;      /* channel values become 0..1 */
    int unit_coordinates;  /* 0..1 across the texture, else pixels */
} Texture;

typedef struct {
    unsigned grid[3], block[3];
} Dimensions;

/* Runs blocks of all columns and layers; parameters[i] points to the i-th argument. */
typedef void Kernel(void **parameters, const Dimensions *size);

static inline float as_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t as_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#define AT(Type, address) (*(Type *)(uintptr_t)(address))

static inline int clamp_to(int index, int size)
{
    return index < 0 ? 0 : index >= size ? size - 1 : index;
}

static inline float texel(const Texture *t, int x, int y, int channel)
{
    const uint8_t *row = t->pixels + clamp_to(y, t->height) * t->pitch;
    int at = clamp_to(x, t->width) * t->channels + channel;
    return t->bytes_per_channel == 1 ? row[at] : ((const uint16_t *)row)[at];
}

/* The texture unit interpolates with weights of eight fractional bits. */
static inline float weight(float fraction)
{
    return floorf(fraction * 256 + 0.5f) / 256;
}

static inline float sample(const Texture *t, float x, float y, int channel)
{
    if (t->unit_coordinates) {
        x = (x - floorf(x)) * t->width;
        y = (y - floorf(y)) * t->height;
    }
    if (!t->linear)
        return texel(t, (int)floorf(x), (int)floorf(y), channel);
    x -= 0.5f;
    y -= 0.5f;
    int left = (int)floorf(x), top = (int)floorf(y);
    float a = weight(x - left), b = weight(y - top);
    return (1 - b) * ((1 - a) * texel(t, left, top, channel) + a * texel(t, left + 1, top, channel)) +
           b * ((1 - a) * texel(t, left, top + 1, channel) + a * texel(t, left + 1, top + 1, channel));
}

/* tex.2d: a channel that the texture lacks reads as 0, alpha as 1. */
static inline uint32_t texture_float(uint64_t handle, uint32_t x, uint32_t y, int channel)
{
    const Texture *t = (const Texture *)(uintptr_t)handle;
    if (channel >= t->channels)
        return as_bits(channel == 3);
    float value = sample(t, as_float(x), as_float(y), channel);
    return as_bits(t->reads_floats ? value / (t->bytes_per_channel == 1 ? 255.0f : 65535.0f) : value);
}

static inline uint32_t texture_integer(uint64_t handle, uint32_t x, uint32_t y, int channel)
{
    const Texture *t = (const Texture *)(uintptr_t)handle;
    if (channel >= t->channels)
        return channel == 3;
    return (uint32_t)(sample(t, as_float(x), as_float(y), channel) + 0.5f);
}

/* cvt to an integer: out of range is clipped, not-a-number is 0. */
static inline int64_t to_integer(double value, double lowest, double highest)
{
    if (value != value)
        return 0;
    return value < lowest ? (int64_t)lowest : value > highest ? (int64_t)highest : (int64_t)value;
}

static inline int64_t clip(int64_t value, int64_t lowest, int64_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

static inline float saturate(float value)
{
    return value > 0 ? (value < 1 ? value : 1) : 0;
}

/* prmt: four bytes out of eight, each chosen by a nibble of the selector, whose top bit spreads the sign. */
static inline uint32_t permute_bytes(uint32_t low, uint32_t high, uint32_t selector)
{
    uint64_t bytes = (uint64_t)high << 32 | low;
    uint32_t result = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t pick = selector >> (4 * i) & 15;
        uint8_t byte = bytes >> (8 * (pick & 7));
        result |= (uint32_t)(pick & 8 ? (byte & 0x80 ? 0xff : 0) : byte) << (8 * i);
    }
    return result;
}

/* bfe.u32 and bfe.s32 with the sign left to the caller. */
static inline uint32_t bit_field(uint32_t value, uint32_t first, uint32_t count)
{
    first &= 255;
    count &= 255;
    if (first > 31 || !count)
        return 0;
    return count > 31 ? value >> first : value >> first & ((1u << count) - 1);
}

#endif
