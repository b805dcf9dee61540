/* Personalities, what the environment changes about them, and the trace. */
#include "driver.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NVENC_13_1 (13 << 4 | 1)
#define NVENC_10_0 (10 << 4)

/* The fields that most of the broken machines share with a T4. */
#define T4_LIKE \
    .name = "Tesla T4", .capability = 75, .multiprocessors = 40, .memory_mb = 15360, .devices = 1, .nvenc = true, \
    .nvenc_version = NVENC_13_1, .sessions = UNLIMITED, .b_reference_modes = 2, .hevc_b_frames = true, \
    .temporal_aq = true, .lookahead = true, .decodes = DECODES_ALL

static const Personality personalities[] = {
    {.key = "t4", T4_LIKE},
    {.key = "l4", .name = "NVIDIA L4", .capability = 89, .multiprocessors = 58, .memory_mb = 23034, .devices = 1,
     .nvenc = true, .nvenc_version = NVENC_13_1, .sessions = UNLIMITED, .b_reference_modes = 3, .hevc_b_frames = true,
     .temporal_aq = true, .lookahead = true, .av1_encoder = true, .decodes = DECODES_ALL},
    {.key = "rtx4090", .name = "NVIDIA GeForce RTX 4090", .capability = 89, .multiprocessors = 128,
     .memory_mb = 24564, .devices = 1, .nvenc = true, .nvenc_version = NVENC_13_1, .sessions = 8,
     .b_reference_modes = 3, .hevc_b_frames = true, .temporal_aq = true, .lookahead = true, .av1_encoder = true,
     .decodes = DECODES_ALL},
    {.key = "pascal", .name = "Tesla P4", .capability = 61, .multiprocessors = 20, .memory_mb = 7680, .devices = 1,
     .nvenc = true, .nvenc_version = NVENC_13_1, .sessions = UNLIMITED, .decodes = DECODES_ALL},
    {.key = "a100", .name = "NVIDIA A100-SXM4-40GB", .capability = 80, .multiprocessors = 108, .memory_mb = 40960,
     .devices = 1, .nvenc_version = NVENC_13_1, .sessions = UNLIMITED, .decodes = DECODES_ALL},
    {.key = "h100", .name = "NVIDIA H100 80GB HBM3", .capability = 90, .multiprocessors = 132, .memory_mb = 81559,
     .devices = 1, .nvenc_version = NVENC_13_1, .sessions = UNLIMITED, .decodes = DECODES_ALL},
    {.key = "old-driver", T4_LIKE, .nvenc_version = NVENC_10_0},
    {.key = "no-video-capability", T4_LIKE}, /* libcuda.so.1 alone can be found: equipment.py sees to that */
    {.key = "no-device", .nvenc_version = NVENC_13_1, .init_error = CUDA_NO_DEVICE},
    {.key = "driver-mismatch", .nvenc_version = NVENC_13_1, .init_error = CUDA_DRIVER_MISMATCH},
    {.key = "nvdec-without-codec", T4_LIKE, .decodes = 0},
    {.key = "out-of-memory", T4_LIKE, .memory_mb = 8},
    {.key = "session-limit", T4_LIKE, .name = "NVIDIA GeForce GTX 1660", .sessions = 0}, /* others hold them all */
};

const Personality *personality(void)
{
    const char *key = getenv("SOFTGPU");
    if (!key)
        return &personalities[0];
    for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
        if (!strcmp(key, personalities[i].key))
            return &personalities[i];
    fprintf(stderr, "softgpu: there is no personality %s\n", key);
    abort(); /* a test that asked for it must not pass on another one */
}

static int number_from(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    return text && *text ? atoi(text) : otherwise;
}

int memory_limit_mb(void)
{
    return number_from("SOFTGPU_MEMORY_MB", personality()->memory_mb);
}

int session_limit(void)
{
    return number_from("SOFTGPU_SESSIONS", personality()->sessions);
}

/* Drivers up to about 2022 answered "out of memory" (10) when no session was left, later ones name the client key. */
int session_error(void)
{
    return number_from("SOFTGPU_SESSION_ERROR", 21);
}

int nvenc_version(void)
{
    int major, minor;
    const char *text = getenv("SOFTGPU_NVENC_VERSION");
    if (text && sscanf(text, "%d.%d", &major, &minor) == 2)
        return major << 4 | minor;
    return personality()->nvenc_version;
}

int decodable_codecs(void)
{
    const char *text = getenv("SOFTGPU_DECODES");
    if (!text)
        return personality()->decodes;
    return (strstr(text, "h264") ? DECODES_H264 : 0) | (strstr(text, "vp9") ? DECODES_VP9 : 0) |
           (strstr(text, "mjpeg") ? DECODES_MJPEG : 0);
}

int calls_before_fault(void)
{
    return number_from("SOFTGPU_FAULT_AFTER", UNLIMITED);
}

int fault_error(void)
{
    return number_from("SOFTGPU_FAULT", CUDA_LAUNCH_FAILED);
}

static int trace_file = -1;

static void open_trace(void)
{
    const char *path = getenv("SOFTGPU_TRACE");
    if (path && *path)
        trace_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* Three libraries and many threads append to one file: a line is one write, which O_APPEND keeps whole. */
void trace(const char *format, ...)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char line[400];
    va_list arguments;

    pthread_once(&once, open_trace);
    if (trace_file < 0)
        return;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof line - 2)
        length = sizeof line - 2;
    line[length++] = '\n';
    if (write(trace_file, line, length) != length)
        trace_file = -1;
}
