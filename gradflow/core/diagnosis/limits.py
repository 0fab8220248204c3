"""The limits of all checks as they are quoted in texts, so that a text cannot say another one."""

from __future__ import annotations

from gradflow.core import decay
from gradflow.core.diagnosis import case, fate, formats, readout, scale, special, units
from gradflow.core.numbers import format_count, format_number, format_share

LIMITS: dict[str, str] = {
    "noticeable_change": format_count(int(decay.NOTICEABLE_CHANGE)),
    "strong_change": format_count(int(decay.STRONG_CHANGE)),
    "severe_change": format_count(int(decay.SEVERE_CHANGE)),
    "hopeless_change": format_count(int(decay.HOPELESS_CHANGE)),
    "gentle_change": format_count(int(fate.GENTLE_CHANGE)),
    "saturated_share": format_share(units.SATURATED_SHARE),
    "dead_share": format_share(units.DEAD_SHARE),
    "often_dead_share": format_share(case.OFTEN_DEAD_SHARE),
    "enough_samples": format_count(units.ENOUGH_SAMPLES),
    "alike_cosine": format_number(units.ALIKE_COSINE),
    "nearly_equal_cosine": f"1 − {format_number(1 - units.NEARLY_EQUAL_COSINE)}",
    "equal_cosine": f"1 − {format_number(1 - units.EQUAL_COSINE)}",
    "underflow_share": format_share(case.UNDERFLOW_SHARE),
    "underflow_rms": format_count(int(case.UNDERFLOW_RMS)),
    "coarse_steps": format_count(int(formats.COARSE_STEPS)),
    "large_input": format_number(scale.LARGE_INPUT),
    "very_large_input": format_number(scale.VERY_LARGE_INPUT),
    "small_input": format_number(scale.SMALL_INPUT),
    "very_small_input": format_number(scale.VERY_SMALL_INPUT),
    "offset": format_number(scale.OFFSET),
    "large_offset": format_number(scale.LARGE_OFFSET),
    "huge_offset": format_number(scale.HUGE_OFFSET),
    "large_target": format_number(scale.LARGE_TARGET),
    "very_large_target": format_number(scale.VERY_LARGE_TARGET),
    "huge_target": format_count(int(scale.HUGE_TARGET)),
    "small_target": format_number(scale.SMALL_TARGET),
    "very_small_target": format_number(scale.VERY_SMALL_TARGET),
    "large_logits": format_number(scale.LARGE_LOGITS),
    "very_large_logits": format_number(scale.VERY_LARGE_LOGITS),
    "faint_signal": format_number(scale.FAINT_SIGNAL),
    "lost_signal": format_number(scale.LOST_SIGNAL),
    "readout_saturated": format_share(readout.NEARLY_ALL),
    "small_batch": format_count(special.SMALL_BATCH),
}
