"""Is a host this machine itself?"""

import ipaddress


def is_loopback(host: str) -> bool:
    """By its address, or as the one name that always means it; other names are not looked up."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
