"""Calibrated cameras, triangulation, and 3D errors from several views."""
