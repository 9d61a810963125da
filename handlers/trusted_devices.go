package handlers

import (
	"github.com/labstack/echo/v4"

	"example.org/mandat/views"
)

// forgetDevice has one of the reader's trusted browsers asked for a second factor again.
func (h *Handlers) forgetDevice(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	_, by, err := h.sent(c)
	if err == nil {
		err = h.store.ForgetDevice(c.Request().Context(), by, id)
	}
	return h.done(c, err, views.FactorsPath, ok(c, "factor.device.forgotten"))
}

// forgetDevices has all of them asked again.
func (h *Handlers) forgetDevices(c echo.Context) error {
	_, by, err := h.sent(c)
	if err == nil {
		err = h.store.ForgetDevices(c.Request().Context(), by)
	}
	return h.done(c, err, views.FactorsPath, ok(c, "factor.device.all_forgotten"))
}
