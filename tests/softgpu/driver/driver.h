/*
 * A software NVIDIA driver, as test equipment.
 *
 * FFmpeg links none of NVIDIA's libraries. It opens libcuda.so.1, libnvidia-encode.so.1 and libnvcuvid.so.1 when a
 * command line asks for CUDA. The three libraries built here answer to those names, with the computer's own memory in
 * place of a card's. An unchanged FFmpeg that finds them through LD_LIBRARY_PATH runs whole CUDA command lines: it
 * uploads frames, launches its own kernels on them, decodes with "NVDEC", encodes with "NVENC". What comes out can be
 * compared, pixel by pixel, with what FFmpeg's CPU filters make of the same input.
 *
 *   libcuda.so.1            cuda.c       devices, contexts, modules, textures
 *                           cuda_streams.c  streams, where nothing is ever pending; names that must exist
 *                           memory.c     allocations and copies
 *                           launch.c     from a kernel's PTX to a function that can be called: compile, keep, load
 *                           ptx.c, ptx_operands.c, ptx_instructions.c   PTX text to C text
 *                           kernel.h     what the generated C includes: textures, and instructions that C lacks
 *   libnvidia-encode.so.1   nvenc.c      the encoder's sessions
 *                           nvenc_device.c  what the card's encoder has
 *                           nvenc_input.c  every pixel format in, planar 4:2:0 out
 *                           h264_pcm.c, hevc_pcm.c   lossless writers: the picture is stored, not compressed
 *   libnvcuvid.so.1         nvcuvid.c    the decoder
 *                           h264_headers.c  parameter sets, put together again from what FFmpeg passes to the card
 *   inner_decoder.so        inner_decoder.c  libavcodec, which does the decoding
 *   nvidia-smi              nvidia_smi.c the names and versions that programs ask it for
 *   in all of them          driver.c     this file's functions
 *
 * Kernels. FFmpeg hands its filters' kernels to the driver as PTX, a readable assembler in which every line is one
 * instruction on typed registers. A real driver compiles that for the card; this one writes each line as a line of C
 * and lets gcc compile it, on the kernel's first launch. So nothing here knows what scale_cuda or overlay_cuda do:
 * a filter that is new, or changed, in some later FFmpeg is executed as it is, and a kernel that FFmpeg's module does
 * not hold is not found, as on a card.
 *
 * Exactness. NVENC stores pictures losslessly and NVDEC decodes with libavcodec, so whatever differs between a CUDA
 * and a CPU rendering was done by the filters between them. Bit rates, B-frames, presets are accepted and have no
 * effect, as far as the chosen card has them at all; where it has not, the encoder says so as that card does.
 *
 * Personalities. The environment variable SOFTGPU says which device, or which broken machine, to be; the table is in
 * driver.c. All its figures are taken from documents and from FFmpeg's source, none was measured on a card.
 *
 * What this cannot show: speed; races between streams, since every call is finished when it returns; the limits of a
 * real memory, except its size; rounding inside a card's own sin, exp and texture units.
 */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

/* Values of CUresult. */
enum {
    CUDA_SUCCESS = 0,
    CUDA_INVALID_VALUE = 1,
    CUDA_OUT_OF_MEMORY = 2,
    CUDA_NOT_INITIALIZED = 3,
    CUDA_NO_DEVICE = 100,
    CUDA_INVALID_DEVICE = 101,
    CUDA_INVALID_IMAGE = 200,
    CUDA_INVALID_CONTEXT = 201,
    CUDA_NOT_FOUND = 500,
    CUDA_ILLEGAL_ADDRESS = 700,
    CUDA_LAUNCH_FAILED = 719,
    CUDA_NOT_SUPPORTED = 801,
    CUDA_DRIVER_MISMATCH = 803,
    CUDA_UNKNOWN = 999,
};

/* Codecs that the decoder can have, as a set. */
enum { DECODES_H264 = 1, DECODES_VP9 = 2, DECODES_MJPEG = 4, DECODES_ALL = 7 };

enum { UNLIMITED = -1 };

typedef struct {
    const char *key;          /* the value of SOFTGPU; variables named below override one field */
    const char *name;         /* what the device calls itself */
    int capability;           /* compute capability times ten: 75 is 7.5 */
    int multiprocessors;
    int memory_mb;            /* SOFTGPU_MEMORY_MB */
    int devices;
    int init_error;           /* what cuInit returns */
    bool nvenc;               /* has an encoder */
    int nvenc_version;        /* newest API that the driver knows, major << 4 | minor; SOFTGPU_NVENC_VERSION=12.2 */
    int sessions;             /* encoder sessions left for this process; SOFTGPU_SESSIONS */
    int b_reference_modes;    /* bit 0: each, bit 1: middle */
    bool hevc_b_frames;
    bool temporal_aq;
    bool lookahead;
    bool av1_encoder;         /* listed only: there is no AV1 writer here, initialising it fails */
    int decodes;              /* SOFTGPU_DECODES=h264,vp9 */
} Personality;

const Personality *personality(void);
int memory_limit_mb(void);
int session_limit(void);
int session_error(void);
int nvenc_version(void);
int decodable_codecs(void);

/* SOFTGPU_FAULT_AFTER=n: that many allocations, copies and launches go well, and no more. UNLIMITED without it.
   SOFTGPU_FAULT: what those after them return, CUDA_LAUNCH_FAILED unless said otherwise. */
int calls_before_fault(void);
int fault_error(void);

/* Appends one line to the file named by SOFTGPU_TRACE; equipment.py knows the words. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
