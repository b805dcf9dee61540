/*
 * The decoder inside the decoder: libavcodec, in a library of its own. A static FFmpeg exports its own avcodec_*
 * functions by the thousand, and a library that is linked with libavcodec in the ordinary way would be given those.
 * So this one is opened with RTLD_DEEPBIND, which makes it look into its own dependencies first.
 */
#ifndef INNER_DECODER_H
#define INNER_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct InnerDecoder InnerDecoder;

typedef struct {
    const uint8_t *planes[3]; /* 8-bit 4:2:0 */
    int pitches[3];
    int width, height;
} InnerPicture;

typedef struct {
    /* `codec` is one of DECODES_*; NULL where libavcodec lacks it. */
    InnerDecoder *(*open)(int codec);
    void (*close)(InnerDecoder *decoder);
    /* Decodes one picture, or one field of one, into a surface: 1 when a new picture was begun there, 0 when not
       (a second field), negative on an error. */
    int (*decode)(InnerDecoder *decoder, int surface, const uint8_t *headers, size_t headers_length,
                  const uint8_t *data, size_t length);
    bool (*picture)(InnerDecoder *decoder, int surface, InnerPicture *picture);
} InnerFunctions;

enum { SURFACES = 64 };

#define INNER_DECODER_LIBRARY "inner_decoder.so"
#define INNER_DECODER_FUNCTIONS "inner_decoder_functions"

#endif
