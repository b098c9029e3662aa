"""The data side: what runs beside a guarded application. Never imports ``webhook``."""
