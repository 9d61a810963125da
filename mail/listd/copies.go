package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Fields of our own: what a copy of a message has gone through, and which copy
// it is.
const (
	loopField     = "Mandat-Loop"
	deliveryField = "Mandat-Delivery"
)

// ofLists are the fields with which a list speaks to the program of a reader
// (RFC 2369, 2919, 8058). There may be one of each.
var ofLists = []string{
	"list-id", "list-post", "list-help", "list-subscribe", "list-unsubscribe", "list-unsubscribe-post", "list-owner", "list-archive",
}

// listID is how a list is named (RFC 2919).
func listID(address string) string { return "<" + strings.Replace(address, "@", ".", 1) + ">" }

// loops says that a message has been sent out by us under this address before,
// or has come through more servers than a way has.
func (h header) loops(address string) bool {
	received := 0
	for _, f := range h.fields {
		switch f.name {
		case "received":
			received++
		case "mandat-loop":
			if strings.EqualFold(f.value(), address) {
				return true
			}
		case "list-id":
			if strings.Contains(strings.ToLower(f.value()), listID(address)) {
				return true
			}
		}
	}
	return received > maxReceived
}

// head is the header of a copy: fields of ours, then those of the message that
// stay. The rest follows as it is. For a forward, list is nil.
func (h header) head(base string, l *list, link, token string) []byte {
	var b bytes.Buffer
	drop := slices.DeleteFunc([]string{"return-path"}, func(name string) bool { return h.signed(name) > 0 }) // the next server writes its own
	fmt.Fprintf(&b, "%s: %s\r\n%s: %s\r\n", deliveryField, token, loopField, base)
	if l != nil {
		drop = append(drop, ofLists...)
	}
	if l != nil {
		h.addList(&b, l, link)
	}
	for _, f := range h.fields {
		if !slices.Contains(drop, f.name) {
			b.Write(f.raw)
		}
	}
	return b.Bytes()
}

// addList writes the fields of a list. Those by which a program leaves it are
// always ours, whatever a signature says that nobody has looked at: a stranger
// would else send readers where he likes.
func (h header) addList(b *bytes.Buffer, l *list, link string) {
	add := func(name, format string, args ...any) {
		fmt.Fprintf(b, name+": "+format+"\r\n", args...)
	}
	add("List-Id", "%s", listID(l.address))
	add("List-Post", "<mailto:%s>", l.address)
	add("List-Help", "<mailto:%s>", sub(l.address, forHelp, ""))
	add("List-Subscribe", "<mailto:%s>", sub(l.address, forSubscribe, ""))
	if link != "" {
		add("List-Unsubscribe", "<%s>,\r\n\t<mailto:%s>", link, sub(l.address, forUnsubscribe, ""))
		add("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	} else {
		add("List-Unsubscribe", "<mailto:%s>", sub(l.address, forUnsubscribe, ""))
	}
	add("List-Owner", "<mailto:%s>", sub(l.address, forOwner, ""))
	if h.count("precedence") == 0 && h.signed("precedence") == 0 {
		add("Precedence", "list")
	}
	if l.replyTo != replyToSender && h.count("reply-to") == 0 && h.signed("reply-to") == 0 {
		to := l.replyTo
		if to == replyToList {
			to = l.address
		}
		add("Reply-To", "<%s>", to)
	}
}
