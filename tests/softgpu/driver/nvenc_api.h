/*
 * NVENC's structures, as far as they are read or written here: each field at its offset. The offsets are the same in
 * the API's versions 11.1, 12.1 and 13.1; what changes between them are sizes, and fields that nothing here needs.
 */
#ifndef NVENC_API_H
#define NVENC_API_H

#include <stdint.h>
#include <string.h>

#include "fields.h"

enum {
    NVENC_SUCCESS = 0,
    NVENC_UNSUPPORTED_DEVICE = 2,
    NVENC_INVALID_DEVICE = 4,
    NVENC_INVALID_PARAM = 8,
    NVENC_OUT_OF_MEMORY = 10,
    NVENC_NOT_INITIALIZED = 11,
    NVENC_UNSUPPORTED_PARAM = 12,
    NVENC_NOT_ENOUGH_BUFFER = 14,
    NVENC_INVALID_VERSION = 15,
    NVENC_UNIMPLEMENTED = 22,
    NVENC_RESOURCE_REGISTER_FAILED = 23,
};

typedef struct {
    uint8_t bytes[16];
} Guid;

extern const Guid codec_h264, codec_hevc, codec_av1, profile_h264_baseline, profile_h264_high, profile_hevc_main10;

static inline bool same_guid(const void *a, const Guid *b)
{
    return !memcmp(a, b, sizeof *b);
}

typedef union {
    FIELD(4, uint32_t, deviceType);
    FIELD(8, void *, device);
    FIELD(24, uint32_t, apiVersion); /* major in the low byte, minor in the high */
} NvencOpenSession;

typedef union {
    FIELD(4, uint32_t, capsToQuery);
} NvencCapability;

/* Same place in the configurations of H.264 and HEVC, relative to the start given below. */
typedef union {
    FIELD(8, uint32_t, videoSignalTypePresentFlag);
    FIELD(12, uint32_t, videoFormat);
    FIELD(16, uint32_t, videoFullRangeFlag);
    FIELD(20, uint32_t, colourDescriptionPresentFlag);
    FIELD(24, uint32_t, colourPrimaries);
    FIELD(28, uint32_t, transferCharacteristics);
    FIELD(32, uint32_t, colourMatrix);
} NvencSignal;

typedef union {
    FIELD(4, Guid, profileGUID);
    FIELD(20, uint32_t, gopLength);
    FIELD(24, int32_t, frameIntervalP);
    FIELD(32, uint32_t, frameFieldMode);
    FIELD(44, uint32_t, rateControlMode);
    FIELD(60, uint32_t, averageBitRate);
    FIELD(64, uint32_t, maxBitRate);
    FIELD(168, uint8_t, h264Flags); /* 0x80: disableSPSPPS */
    FIELD(172, uint32_t, h264Level);
    FIELD(176, uint32_t, h264IdrPeriod);
    FIELD(240, NvencSignal, h264Signal);
    FIELD(360, uint32_t, h264ChromaFormat);
    FIELD(168, uint32_t, hevcLevel);
    FIELD(184, uint8_t, hevcFlags); /* 0x40: disableSPSPPS */
    FIELD(188, uint32_t, hevcIdrPeriod);
    FIELD(232, NvencSignal, hevcSignal);
} NvencConfig;

typedef union {
    FIELD(8, NvencConfig, presetCfg);
} NvencPreset;

typedef union {
    FIELD(4, Guid, encodeGUID);
    FIELD(36, uint32_t, encodeWidth);
    FIELD(40, uint32_t, encodeHeight);
    FIELD(44, uint32_t, darWidth);
    FIELD(48, uint32_t, darHeight);
    FIELD(52, uint32_t, frameRateNum);
    FIELD(56, uint32_t, frameRateDen);
    FIELD(88, NvencConfig *, encodeConfig);
} NvencInitialize;

typedef union {
    FIELD(4, uint32_t, width);
    FIELD(8, uint32_t, height);
    FIELD(16, uint32_t, bufferFmt);
    FIELD(24, void *, inputBuffer);
} NvencCreateInput;

typedef union {
    FIELD(8, void *, inputBuffer);
    FIELD(16, void *, bufferDataPtr);
    FIELD(24, uint32_t, pitch);
} NvencLockInput;

typedef union {
    FIELD(16, void *, bitstreamBuffer);
} NvencCreateBitstream;

typedef union {
    FIELD(4, uint32_t, resourceType);
    FIELD(8, uint32_t, width);
    FIELD(12, uint32_t, height);
    FIELD(16, uint32_t, pitch);
    FIELD(24, void *, resourceToRegister);
    FIELD(32, void *, registeredResource);
    FIELD(40, uint32_t, bufferFormat);
} NvencRegister;

typedef union {
    FIELD(16, void *, registeredResource);
    FIELD(24, void *, mappedResource);
    FIELD(32, uint32_t, mappedBufferFmt);
} NvencMap;

typedef union {
    FIELD(16, uint32_t, encodePicFlags);
    FIELD(24, uint64_t, inputTimeStamp);
    FIELD(32, uint64_t, inputDuration);
    FIELD(40, void *, inputBuffer);
    FIELD(48, void *, outputBitstream);
} NvencPicture;

enum { PICTURE_FORCE_INTRA = 1, PICTURE_FORCE_IDR = 2, PICTURE_WRITE_HEADERS = 4, PICTURE_END = 8 };

typedef union {
    FIELD(8, void *, outputBitstream);
    FIELD(24, uint32_t, frameIdx);
    FIELD(32, uint32_t, numSlices);
    FIELD(36, uint32_t, bitstreamSizeInBytes);
    FIELD(40, uint64_t, outputTimeStamp);
    FIELD(48, uint64_t, outputDuration);
    FIELD(56, void *, bitstreamBufferPtr);
    FIELD(64, uint32_t, pictureType);
    FIELD(68, uint32_t, pictureStruct);
    FIELD(72, uint32_t, frameAvgQP);
} NvencLockBitstream;

typedef union {
    FIELD(4, uint32_t, inBufferSize);
    FIELD(16, void *, spsppsBuffer);
    FIELD(24, uint32_t *, outSPSPPSPayloadSize);
} NvencHeaders;

enum {
    BUFFER_NV12 = 0x1,
    BUFFER_YV12 = 0x10,
    BUFFER_IYUV = 0x100,
    BUFFER_P010 = 0x10000,
    BUFFER_ARGB = 0x1000000,
    BUFFER_ABGR = 0x10000000,
};

enum { RESOURCE_CUDA_POINTER = 1 };

#endif
