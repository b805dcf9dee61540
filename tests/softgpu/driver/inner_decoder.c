/*
 * libavcodec, made to decode into surfaces chosen by somebody else.
 *
 * A decoder gives its pictures out late and in display order, while a card is asked to decode a picture into the
 * surface of a number, and to show that surface whenever the caller wants it. So the pictures that come out are
 * thrown away. What is kept is the buffer that the decoder asked for while it worked on the packet: that is the
 * picture, and it is complete when the packet is done, since nothing runs in parallel.
 */
#include "inner_decoder.h"

#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

struct InnerDecoder {
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *discarded, *begun, *surfaces[SURFACES];
};

static int remember_buffer(AVCodecContext *context, AVFrame *frame, int flags)
{
    InnerDecoder *decoder = context->opaque;
    int error = avcodec_default_get_buffer2(context, frame, flags | AV_GET_BUFFER_FLAG_REF);
    if (error < 0)
        return error;
    av_frame_unref(decoder->begun);
    return av_frame_ref(decoder->begun, frame);
}

static void close_decoder(InnerDecoder *decoder)
{
    avcodec_free_context(&decoder->context);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->discarded);
    av_frame_free(&decoder->begun);
    for (int i = 0; i < SURFACES; i++)
        av_frame_free(&decoder->surfaces[i]);
    free(decoder);
}

static InnerDecoder *open_decoder(int codec)
{
    enum AVCodecID id = codec == DECODES_H264 ? AV_CODEC_ID_H264
                      : codec == DECODES_VP9  ? AV_CODEC_ID_VP9 : AV_CODEC_ID_MJPEG;
    const AVCodec *implementation = avcodec_find_decoder(id);
    if (!implementation)
        return NULL;
    InnerDecoder *decoder = calloc(1, sizeof *decoder);
    decoder->packet = av_packet_alloc();
    decoder->discarded = av_frame_alloc();
    decoder->begun = av_frame_alloc();
    for (int i = 0; i < SURFACES; i++)
        decoder->surfaces[i] = av_frame_alloc();
    decoder->context = avcodec_alloc_context3(implementation);
    decoder->context->opaque = decoder;
    decoder->context->get_buffer2 = remember_buffer;
    decoder->context->thread_count = 1;
    decoder->context->log_level_offset = 100; /* FFmpeg has said what there is to say about the stream */
    decoder->context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    decoder->context->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
    if (avcodec_open2(decoder->context, implementation, NULL) >= 0)
        return decoder;
    close_decoder(decoder);
    return NULL;
}

static int decode(InnerDecoder *decoder, int surface, const uint8_t *headers, size_t headers_length,
                  const uint8_t *data, size_t length)
{
    int error = av_new_packet(decoder->packet, (int)(headers_length + length));
    if (error < 0)
        return error;
    memcpy(decoder->packet->data, headers, headers_length);
    memcpy(decoder->packet->data + headers_length, data, length);
    av_frame_unref(decoder->begun);
    error = avcodec_send_packet(decoder->context, decoder->packet);
    av_packet_unref(decoder->packet);
    while (avcodec_receive_frame(decoder->context, decoder->discarded) >= 0)
        av_frame_unref(decoder->discarded);
    if (!decoder->begun->buf[0])
        return error;
    av_frame_unref(decoder->surfaces[surface]);
    av_frame_move_ref(decoder->surfaces[surface], decoder->begun);
    return error < 0 ? error : 1;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static bool picture(InnerDecoder *decoder, int surface, InnerPicture *result)
{
    const AVFrame *frame = decoder->surfaces[surface];
    if (!frame->buf[0] || (frame->format != AV_PIX_FMT_YUV420P && frame->format != AV_PIX_FMT_YUVJ420P))
        return false;
    for (int plane = 0; plane < 3; plane++) {
        result->planes[plane] = frame->data[plane];
        result->pitches[plane] = frame->linesize[plane];
    }
    result->width = larger(decoder->context->coded_width, frame->width);
    result->height = larger(decoder->context->coded_height, frame->height);
    return true;
}

EXPORT const InnerFunctions inner_decoder_functions = {open_decoder, close_decoder, decode, picture};
