"""Devices: a name that a person recognises, from what a browser or an app says of itself."""

from ua_parser import parse


def device_name(user_agent: str | None) -> str:
    """Such as "Chrome on Windows" or "Mobile Safari on iPhone"; the agent's own first word if it is none we know."""
    if not user_agent:
        return "Unknown device"
    parsed = parse(user_agent)
    agent = parsed.user_agent.family if parsed.user_agent else user_agent.split("/")[0].split(" ")[0][:40]
    model = parsed.device.family if parsed.device else None
    place = model if model and model != "Mac" else (parsed.os.family if parsed.os else None)
    return f"{agent} on {place}" if place and place != agent else agent
