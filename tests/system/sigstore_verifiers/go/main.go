// Verifies a Sigstore bundle about a file with sigstore-go alone.
//
//	sigstore-go-verify ROOT BUNDLE FILE --key PEM
//	sigstore-go-verify ROOT BUNDLE FILE IDENTITY ISSUER
//
// Exit status 0: verified; 1: not, and stderr says why.
package main

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 5 {
		return errors.New("ROOT BUNDLE FILE, then --key PEM or IDENTITY ISSUER")
	}
	trusted, err := root.NewTrustedRootFromPath(arguments[0])
	if err != nil {
		return err
	}
	signed, err := bundle.LoadJSONFromPath(arguments[1])
	if err != nil {
		return err
	}
	file, err := os.Open(arguments[2])
	if err != nil {
		return err
	}
	defer file.Close()
	var material root.TrustedMaterial = trusted
	options := []verify.VerifierOption{verify.WithTransparencyLog(1)}
	who := verify.WithKey()
	if arguments[3] == "--key" {
		key, err := readKey(arguments[4])
		if err != nil {
			return err
		}
		keys := root.NewTrustedPublicKeyMaterial(
			func(string) (root.TimeConstrainedVerifier, error) { return key, nil },
		)
		material = root.TrustedMaterialCollection{trusted, keys}
		options = append(options, verify.WithNoObserverTimestamps())
	} else {
		identity, err := verify.NewShortCertificateIdentity(arguments[4], "", arguments[3], "")
		if err != nil {
			return err
		}
		who = verify.WithCertificateIdentity(identity)
		options = append(
			options,
			verify.WithSignedTimestamps(1),
			verify.WithSignedCertificateTimestamps(1),
		)
	}
	verifier, err := verify.NewVerifier(material, options...)
	if err != nil {
		return err
	}
	_, err = verifier.Verify(signed, verify.NewPolicy(verify.WithArtifact(file), who))
	return err
}

func readKey(path string) (*root.ExpiringKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key is not in PEM")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
}
