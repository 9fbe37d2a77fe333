"""Exchange calendars: which calendar a symbol follows, and its sessions."""
