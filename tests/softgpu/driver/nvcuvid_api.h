/* NVDEC's structures, as far as they are read or written here. The layout has not changed since API 8. */
#ifndef NVCUVID_API_H
#define NVCUVID_API_H

#include "fields.h"

enum { CUVID_JPEG = 5, CUVID_H264 = 4, CUVID_VP9 = 10 };
enum { CHROMA_420 = 1 };

typedef union {
    FIELD(0, uint32_t, eCodecType);
    FIELD(4, uint32_t, eChromaFormat);
    FIELD(8, uint32_t, nBitDepthMinus8);
    FIELD(24, uint8_t, bIsSupported);
    FIELD(25, uint8_t, nNumNVDECs);
    FIELD(26, uint16_t, nOutputFormatMask); /* bit 0: NV12 */
    FIELD(28, uint32_t, nMaxWidth);
    FIELD(32, uint32_t, nMaxHeight);
    FIELD(36, uint32_t, nMaxMBCount);
    FIELD(40, uint16_t, nMinWidth);
    FIELD(42, uint16_t, nMinHeight);
} CuvidCapabilities;

typedef union {
    FIELD(16, uint64_t, ulNumDecodeSurfaces);
    FIELD(24, uint32_t, CodecType);
    FIELD(96, uint64_t, ulTargetWidth);
    FIELD(104, uint64_t, ulTargetHeight);
} CuvidCreate;

typedef uint8_t ScalingList4x4[6][16];
typedef uint8_t ScalingList8x8[2][64];

typedef union {
    FIELD(0, int32_t, PicWidthInMbs);
    FIELD(4, int32_t, FrameHeightInMbs);
    FIELD(8, int32_t, CurrPicIdx);
    FIELD(20, int32_t, second_field);
    FIELD(24, uint32_t, nBitstreamDataLen);
    FIELD(32, const uint8_t *, pBitstreamData);
    FIELD(48, const uint32_t *, pSliceDataOffsets);
    /* H.264: what its parameter sets said. */
    FIELD(184, int32_t, log2_max_frame_num_minus4);
    FIELD(188, int32_t, pic_order_cnt_type);
    FIELD(192, int32_t, log2_max_pic_order_cnt_lsb_minus4);
    FIELD(196, int32_t, delta_pic_order_always_zero_flag);
    FIELD(200, int32_t, frame_mbs_only_flag);
    FIELD(204, int32_t, direct_8x8_inference_flag);
    FIELD(208, int32_t, num_ref_frames);
    FIELD(213, uint8_t, bit_depth_luma_minus8);
    FIELD(214, uint8_t, bit_depth_chroma_minus8);
    FIELD(215, uint8_t, qpprime_y_zero_transform_bypass_flag);
    FIELD(216, int32_t, entropy_coding_mode_flag);
    FIELD(220, int32_t, pic_order_present_flag);
    FIELD(224, int32_t, num_ref_idx_l0_active_minus1);
    FIELD(228, int32_t, num_ref_idx_l1_active_minus1);
    FIELD(232, int32_t, weighted_pred_flag);
    FIELD(236, int32_t, weighted_bipred_idc);
    FIELD(240, int32_t, pic_init_qp_minus26);
    FIELD(244, int32_t, deblocking_filter_control_present_flag);
    FIELD(248, int32_t, redundant_pic_cnt_present_flag);
    FIELD(252, int32_t, transform_8x8_mode_flag);
    FIELD(256, int32_t, MbaffFrameFlag);
    FIELD(260, int32_t, constrained_intra_pred_flag);
    FIELD(264, int32_t, chroma_qp_index_offset);
    FIELD(268, int32_t, second_chroma_qp_index_offset);
    FIELD(736, ScalingList4x4, WeightScale4x4);
    FIELD(832, ScalingList8x8, WeightScale8x8);
} CuvidPicture;

#endif
