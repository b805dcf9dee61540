"""The compiler: a clip and a target in, a plan out. A visible list of pure passes.

share -> place -> connect -> verify -> emit; see the module of each.
"""

from apigpu.compiler.compile import compile_clip
from apigpu.compiler.cut import cut_to_frame, cut_to_stretch
from apigpu.compiler.output import OutputSpec

__all__ = ["OutputSpec", "compile_clip", "cut_to_frame", "cut_to_stretch"]
