/*
 * A card gets slices, and the parameter sets' content as fields of a structure. The inner decoder wants a stream, so
 * the sets are written anew. What the structure lacks is lost: the offsets of picture order count type 1 (0 is
 * written), whether gaps in frame numbers are allowed (they are), cropping (FFmpeg crops what comes back), usability.
 */
#include "h264_headers.h"

#include "bits.h"
#include "driver.h"

static const uint8_t zigzag_4x4[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
static const uint8_t zigzag_8x8[64] = {
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

static unsigned read_bit(const uint8_t *bytes, int *at)
{
    unsigned bit = bytes[*at / 8] >> (7 - *at % 8) & 1;
    ++*at;
    return bit;
}

static uint32_t read_ue(const uint8_t *bytes, int *at)
{
    int zeros = 0;
    uint32_t value = 1;
    while (zeros < 31 && !read_bit(bytes, at))
        zeros++;
    for (int i = 0; i < zeros; i++)
        value = value << 1 | read_bit(bytes, at);
    return value - 1;
}

/* The first slice's header names the picture parameter set after the first macroblock and the type. */
static uint32_t picture_set_number(const CuvidPicture *picture)
{
    const uint8_t *slice = picture->pBitstreamData + picture->pSliceDataOffsets[0];
    int at = 0;
    while (!*slice) /* start code */
        slice++;
    slice += 2; /* its 1, and the unit's header */
    read_ue(slice, &at);
    read_ue(slice, &at);
    return read_ue(slice, &at);
}

static void put_sequence(Bits *bits, const CuvidPicture *p, bool may_be_mbaff)
{
    put_bits(bits, 8, 100); /* High: what it allows holds the others */
    put_bits(bits, 8, 0);
    put_bits(bits, 8, 51);
    put_ue(bits, 0);
    put_ue(bits, CHROMA_420);
    put_ue(bits, p->bit_depth_luma_minus8);
    put_ue(bits, p->bit_depth_chroma_minus8);
    put_bit(bits, p->qpprime_y_zero_transform_bypass_flag);
    put_bit(bits, 0); /* scaling lists stand in the picture's set */
    put_ue(bits, p->log2_max_frame_num_minus4);
    put_ue(bits, p->pic_order_cnt_type);
    if (p->pic_order_cnt_type == 0)
        put_ue(bits, p->log2_max_pic_order_cnt_lsb_minus4);
    if (p->pic_order_cnt_type == 1) {
        trace("complaint H.264 picture order count type 1: its offsets are not passed to the card");
        put_bit(bits, p->delta_pic_order_always_zero_flag);
        put_se(bits, 0);
        put_se(bits, 0);
        put_ue(bits, 0);
    }
    put_ue(bits, p->num_ref_frames);
    put_bit(bits, 1);
    put_ue(bits, p->PicWidthInMbs - 1);
    put_ue(bits, (p->frame_mbs_only_flag ? p->FrameHeightInMbs : p->FrameHeightInMbs / 2) - 1);
    put_bit(bits, p->frame_mbs_only_flag);
    if (!p->frame_mbs_only_flag)
        put_bit(bits, may_be_mbaff);
    put_bit(bits, p->direct_8x8_inference_flag);
    put_bit(bits, 0);
    put_bit(bits, 0);
    put_stop_bit(bits);
}

static bool all_are_16(const uint8_t *weights, int count)
{
    while (count && weights[count - 1] == 16)
        count--;
    return !count;
}

/* Each weight as the difference to the one before, modulo 256. */
static void put_scaling_list(Bits *bits, const uint8_t *weights, const uint8_t *order, int count)
{
    int last = 8;
    put_bit(bits, 1);
    for (int i = 0; i < count; i++) {
        put_se(bits, (int8_t)(weights[order[i]] - last));
        last = weights[order[i]];
    }
}

static void put_scaling(Bits *bits, const CuvidPicture *p)
{
    bool flat = all_are_16(&p->WeightScale4x4[0][0], 96) && all_are_16(&p->WeightScale8x8[0][0], 128);
    put_bit(bits, !flat);
    if (flat)
        return;
    for (int i = 0; i < 6; i++)
        put_scaling_list(bits, p->WeightScale4x4[i], zigzag_4x4, 16);
    for (int i = 0; i < 2 && p->transform_8x8_mode_flag; i++)
        put_scaling_list(bits, p->WeightScale8x8[i], zigzag_8x8, 64);
}

static void put_picture_set(Bits *bits, const CuvidPicture *p)
{
    put_ue(bits, picture_set_number(p));
    put_ue(bits, 0);
    put_bit(bits, p->entropy_coding_mode_flag);
    put_bit(bits, p->pic_order_present_flag);
    put_ue(bits, 0);
    put_ue(bits, p->num_ref_idx_l0_active_minus1);
    put_ue(bits, p->num_ref_idx_l1_active_minus1);
    put_bit(bits, p->weighted_pred_flag);
    put_bits(bits, 2, p->weighted_bipred_idc);
    put_se(bits, p->pic_init_qp_minus26);
    put_se(bits, 0);
    put_se(bits, p->chroma_qp_index_offset);
    put_bit(bits, p->deblocking_filter_control_present_flag);
    put_bit(bits, p->constrained_intra_pred_flag);
    put_bit(bits, p->redundant_pic_cnt_present_flag);
    put_bit(bits, p->transform_8x8_mode_flag);
    put_scaling(bits, p);
    put_se(bits, p->second_chroma_qp_index_offset);
    put_stop_bit(bits);
}

size_t h264_headers(const CuvidPicture *picture, bool may_be_mbaff, uint8_t *to)
{
    uint8_t bytes[LARGEST_HEADERS / 2];
    Bits bits = {.bytes = bytes};
    put_sequence(&bits, picture, may_be_mbaff);
    size_t length = write_nal(to, (uint8_t[]){0x67}, 1, &bits);
    bits = (Bits){.bytes = bytes};
    put_picture_set(&bits, picture);
    return length + write_nal(to + length, (uint8_t[]){0x68}, 1, &bits);
}
