package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Where whoever watches the process asks how it is.
const (
	alivePath = "/healthz"
	readyPath = "/readyz"
)

func (h *Handlers) alive(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

func (h *Handlers) ready(c echo.Context) error {
	if err := h.store.Ready(c.Request().Context()); err != nil {
		h.log.Warn("not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}
