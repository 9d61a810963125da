package models_test

import (
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/modelstest"
)

func TestACustomerWithoutAnIdentifierGetsOne(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		for name, initials := range map[string]string{"Élodie Œuvray": "eo", "Zoé": "zx", "42 Rue": "rx", "東京": "xx"} {
			c, err := w.Store.AddCustomer(t.Context(), models.NewCustomer{Name: name, Email: "c@customer.example", Language: "fr", TimeZone: "Europe/Paris"})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !strings.HasPrefix(c.Identifier, initials) || !strings.HasSuffix(c.Identifier, "-"+models.DefaultSuffix) {
				t.Errorf("%s: %s", name, c.Identifier)
			}
			if _, ok := models.ParseIdentifier(c.Identifier); !ok {
				t.Errorf("%s is no identifier", c.Identifier)
			}
		}
	})
}
