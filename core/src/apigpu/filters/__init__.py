"""The vocabulary of filters that core brings: logical filters with an implementation per memory domain.

`Scale`, `Crop`, `Extend`, `Overlay`, `FrameRate`, `Trim`, `Hold` and `Concat` for pictures; see
`apigpu.filters.audio` and `apigpu.filters.levels` for sound. `fit` fits a picture into a size.
"""

from apigpu.filters.fitting import Fit, fit
from apigpu.filters.geometry import Crop, Extend, Overlay, Scale
from apigpu.filters.timing import Concat, FrameRate, Hold, Trim

__all__ = ["Concat", "Crop", "Extend", "Fit", "FrameRate", "Hold", "Overlay", "Scale", "Trim", "fit"]
