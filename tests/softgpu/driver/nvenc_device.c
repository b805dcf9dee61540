/* What the chosen card's encoder can do: its codecs, capabilities and presets. */
#include "nvenc.h"

const Guid codec_h264 =
    {{0x62, 0x27, 0xc8, 0x6b, 0x63, 0x4e, 0xa4, 0x4c, 0xaa, 0x85, 0x1e, 0x50, 0xf3, 0x21, 0xf6, 0xbf}};
const Guid codec_hevc =
    {{0x88, 0xdc, 0x0c, 0x79, 0x22, 0x45, 0x7b, 0x4d, 0x94, 0x25, 0xbd, 0xa9, 0x97, 0x5f, 0x76, 0x03}};
const Guid codec_av1 =
    {{0x52, 0x23, 0x35, 0x0a, 0xa7, 0x0a, 0x59, 0x47, 0x86, 0x2d, 0x5d, 0x15, 0xcd, 0x16, 0xd2, 0x54}};
const Guid profile_h264_baseline = {
    {0xaa, 0xbc, 0x27, 0x07, 0xc4, 0x78, 0x83, 0x4c, 0x8c, 0x2f, 0xef, 0x3d, 0xff, 0x26, 0x7c, 0x6a}};
const Guid profile_h264_high = {
    {0x09, 0xc3, 0xcb, 0xe7, 0x7a, 0x4f, 0x89, 0x4b, 0xaf, 0x2a, 0xd5, 0x37, 0xc9, 0x2b, 0xe3, 0x10}};
const Guid profile_hevc_main10 = {
    {0x6c, 0x2b, 0x4d, 0xfa, 0x5b, 0x3a, 0x1a, 0x41, 0x80, 0x18, 0x0a, 0x3f, 0x5e, 0x3c, 0x9b, 0xe5}};

static uint32_t codec_count(void)
{
    return personality()->av1_encoder ? 3 : 2;
}

int nvenc_codec_count(Encoder *encoder, uint32_t *count)
{
    (void)encoder;
    *count = codec_count();
    return NVENC_SUCCESS;
}

int nvenc_codecs(Encoder *encoder, Guid *guids, uint32_t room, uint32_t *count)
{
    const Guid all[] = {codec_h264, codec_hevc, codec_av1};
    (void)encoder;
    for (*count = 0; *count < room && *count < codec_count(); ++*count)
        guids[*count] = all[*count];
    return NVENC_SUCCESS;
}

/* By the numbers of NV_ENC_CAPS. What is not listed is 0: "no" or "none". */
static int capability(bool h264, uint32_t number)
{
    const Personality *card = personality();
    bool turing_or_newer = card->capability >= 75;
    switch (number) {
    case 0: return h264 ? 4 : card->hevc_b_frames ? 5 : 0;         /* B-frames */
    case 1: return 63;                                             /* rate control modes */
    case 2: return h264 && !turing_or_newer ? 2 : 0;               /* interlaced */
    case 7: return h264;                                           /* CABAC */
    case 13: return h264 ? 62 : 186;                               /* level */
    case 16: case 17: return h264 ? 4096 : 8192;                   /* largest width, height */
    case 20: case 21: case 24: case 25: return 1;                  /* changes on the way, constrained, refresh */
    case 33: return 0;                                             /* 4:4:4: cards have it, the writers not */
    case 34: return 1;                                             /* lossless */
    case 37: return card->lookahead;
    case 38: return card->temporal_aq;
    case 39: return !h264;                                         /* 10 bits */
    case 41: return 1;                                             /* weighted prediction */
    case 43: return h264 || card->hevc_b_frames ? card->b_reference_modes : 0;
    case 45: return SMALLEST_WIDTH(h264);
    case 46: return SMALLEST_HEIGHT(h264);
    case 47: return 1;                                             /* several references */
    case 49: return 1;                                             /* encoder engines */
    default: return 0;
    }
}

int nvenc_capability(Encoder *encoder, Guid codec, const NvencCapability *asked, int *value)
{
    (void)encoder;
    *value = capability(same_guid(&codec, &codec_h264), asked->capsToQuery);
    return NVENC_SUCCESS;
}

/* FFmpeg starts from the preset and overwrites what the command line says. */
int nvenc_preset(Encoder *encoder, Guid codec, Guid preset, uint32_t tuning, NvencPreset *result)
{
    NvencConfig *config = &result->presetCfg;
    (void)preset;
    if (!tuning || tuning > 6)
        return nvenc_fail(encoder, NVENC_INVALID_PARAM, "Invalid tuning info.");
    config->gopLength = 250;
    config->frameIntervalP = 1;
    config->frameFieldMode = 1;
    config->rateControlMode = 1;
    config->averageBitRate = 2000000;
    config->maxBitRate = 3000000;
    if (same_guid(&codec, &codec_h264)) {
        config->h264IdrPeriod = 250;
        config->h264ChromaFormat = 1;
        config->h264Signal.videoFormat = 5; /* unspecified */
    } else {
        config->hevcIdrPeriod = 250;
        config->hevcSignal.videoFormat = 5;
    }
    return NVENC_SUCCESS;
}
