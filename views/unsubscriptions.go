package views

import "example.org/mandat/models"

// UnsubscriptionView is the page on which the holder of a link leaves a list.
type UnsubscriptionView struct {
	Token        string
	Subscription *models.Subscription
}

// What the one-click form of RFC 8058 sends, from a mail program or from our page.
const (
	OneClickField = "List-Unsubscribe"
	OneClickValue = "One-Click"
)
