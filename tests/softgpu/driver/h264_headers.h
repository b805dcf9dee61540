/* H.264 parameter sets, put together again. */
#ifndef H264_HEADERS_H
#define H264_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "nvcuvid_api.h"

enum { LARGEST_HEADERS = 2048 };

/* Writes the sequence and picture parameter sets that the picture's slices refer to; returns their length.
   `may_be_mbaff`: whether any picture so far was coded with adaptive frames and fields. */
size_t h264_headers(const CuvidPicture *picture, bool may_be_mbaff, uint8_t *to);

#endif
